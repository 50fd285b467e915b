// A map of texts. What is drawn comes in four parts, so that a change of colours does not send the places again: the value
// of this component (places of every side, words), and what the three beside it tell: texts, colours (a group for every
// text), marks (texts that stand out).
const box = element.querySelector('.tl-plot'), tip = element.querySelector('.tl-tip'), save = element.querySelector('.tl-picture');
const frame = element.querySelector('.tl-map'), canvas = element.querySelector('.tl-sketch');
const tools = element.querySelector('.tl-maptools'), move = element.querySelector('.tl-move'), slider = move.querySelector('input');
const reduced = matchMedia('(prefers-reduced-motion: reduce)').matches;
const kind = document.createElement('canvas').getContext('webgl') ? 'scattergl' : 'scatter';
const part = {};  // the parts as they were read last
let map = null, colours = null, marks = null, texts = [];
let at = 0, apart = false, dragging = matchMedia('(pointer: coarse)').matches ? false : 'lasso', playing = 0, listening = false;
let traces = [], shownText = null;

const decoded = (text, type) => new type(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);

// --- what came in -----------------------------------------------------------------------------------------

const read = () => {
  const given = {map: props.value, ...window.tlMapParts}, fresh = name => given[name] !== part[name] && ((part[name] = given[name]), true);
  if (fresh('texts')) texts = given.texts ? JSON.parse(given.texts) : [];
  if (fresh('map')) {
    const before = map;
    map = given.map ? JSON.parse(given.map) : null;
    if (map) {
      map.places = map.sides.map(side => decoded(side.places, Float32Array));
      map.rows = map.rows ? decoded(map.rows, Int32Array) : null;
      map.count = map.places[0].length / 2;
      if (!before || before.id !== map.id) { at = 0; apart = false; }
    }
  }
  if (fresh('colours') && given.colours) {
    colours = JSON.parse(given.colours);
    colours.of = decoded(colours.of, Uint8Array);
  }
  if (fresh('marks')) marks = given.marks ? JSON.parse(given.marks) : null;
  return map && colours && colours.of.length === map.total && texts.length === map.total;  // parts may come one by one
};
const row = place => map.rows ? map.rows[place] : place;
const placeOf = () => {
  if (!map.rows) return i => i;
  map.placeOfRow ||= new Map([...map.rows].map((r, place) => [r, place]));
  return i => map.placeOfRow.get(i);
};

// --- traces -----------------------------------------------------------------------------------------------

// Sides beside each other, or one panel somewhere between them.
const panels = () => apart ? map.sides.map((_, i) => ({t: i, x: i ? 'x2' : 'x', y: i ? 'y2' : 'y'})) : [{t: at, x: 'x', y: 'y'}];
const between = (pair, t) => pair.length < 2 ? pair[0] : t <= 0 ? pair[0] : t >= 1 ? pair[1] : pair[0].map((v, i) => v + t * (pair[1][i] - v));
const coordinates = (places, some, t) => {
  const x = new Float32Array(some.length), y = new Float32Array(some.length), [a, b] = [places[0], places[places.length - 1]];
  for (let i = 0; i < some.length; i++) {
    const k = 2 * some[i];
    x[i] = a[k] + t * (b[k] - a[k]);
    y[i] = a[k + 1] + t * (b[k + 1] - a[k + 1]);
  }
  return {x, y};
};
const groups = () => {
  const of = colours.groups.map(() => []);
  for (let i = 0; i < map.count; i++) of[colours.of[row(i)]].push(i);
  return of;
};
const made = () => {
  const of = groups(), find = placeOf(), size = map.count > 20000 ? 3 : map.count > 3000 ? 5 : map.count > 600 ? 7 : 9;
  const places = list => (list || []).map(find).filter(p => p !== undefined);
  const standing = places(marks && marks.rows), lines = places(marks && marks.near), from = marks && marks.from !== undefined ? find(marks.from) : undefined;
  const dim = standing.length || lines.length;
  const out = [];
  for (const [n, panel] of panels().entries()) {
    const on = {type: kind, hoverinfo: 'none', xaxis: panel.x, yaxis: panel.y};
    colours.groups.forEach((group, g) => out.push({
      some: of[g], panel, trace: {...on, mode: 'markers', name: `${group.name} (${of[g].length.toLocaleString()})`, legendgroup: String(g), showlegend: !n && of[g].length > 0,
        marker: {color: group.colour, symbol: group.symbol, size, opacity: dim ? 0.3 : map.count > 3000 ? 0.6 : 0.8}, unselected: {marker: {opacity: 0.15}}},
    }));
    if (from !== undefined && lines.length) {
      const some = lines.flatMap(p => [from, p, from]);
      out.push({some, panel, silent: true, trace: {...on, mode: 'lines', showlegend: false, hoverinfo: 'skip', line: {color: ink(), width: 1}}});
    }
    const rings = from === undefined ? standing : [...lines, from];
    if (rings.length) out.push({some: rings, panel, trace: {...on, mode: 'markers', showlegend: false, marker: {color: ink(), symbol: 'circle-open', size: size + 7, line: {width: 2}}}});
    if (marks && marks.placed && marks.placed.length) out.push({
      placed: true, panel, trace: {...on, mode: 'markers', name: map.words.placed, showlegend: !n, legendgroup: 'placed', marker: {color: ink(), symbol: 'star', size: 18, line: {width: 2, color: colour('--block-background-fill') || '#fff'}}},
    });
  }
  return out;
};
const put = t => {
  if (!t.placed) return coordinates(map.places, t.some, Math.min(t.panel.t, map.places.length - 1));
  const spots = marks.placed.map(one => between(one.places, t.panel.t));
  return {x: spots.map(s => s[0]), y: spots.map(s => s[1])};
};

// --- drawing ----------------------------------------------------------------------------------------------

const ink = () => colour('--body-text-color');
const span = axis => {
  let low = Infinity, high = -Infinity;
  const see = v => { if (v < low) low = v; if (v > high) high = v; };
  for (const places of map.places) for (let i = axis; i < places.length; i += 2) see(places[i]);
  for (const one of (marks && marks.placed) || []) for (const spot of one.places) see(spot[axis]);
  const room = Math.max(0.06 * (high - low), 1e-3);
  return [low - room, high + room];
};
const layout = () => {
  const wide = box.clientWidth >= 620, side = apart && map.sides.length > 1, stacked = side && !wide;
  const entries = colours.groups.length + (marks && marks.placed ? 1 : 0), tall = side && wide ? 360 : wide ? 500 : 400;
  const axis = {showgrid: false, showticklabels: false, zeroline: false, showline: true, mirror: true, ticks: '', title_font: {size: 12}};
  const named = i => map.axes ? {title: {text: map.axes[i], font: {size: 12}, standoff: 6}} : {};
  const height = (stacked ? 2 * tall : tall) + 24 * Math.ceil(entries / (wide ? 4 : 2)) + (map.axes ? 24 : 0);
  const out = {
    height, margin: {l: map.axes ? 30 : 8, r: 8, t: side ? 26 : 8, b: 8}, hovermode: 'closest', dragmode: dragging, showlegend: true,
    legend: {orientation: 'h', x: 0, y: -0.06, yanchor: 'top', itemsizing: 'constant', font: {size: 12}},
    xaxis: {...axis, ...named(0), range: span(0), domain: side && !stacked ? [0, 0.49] : [0, 1]},
    yaxis: {...axis, ...named(1), range: span(1), scaleanchor: 'x', domain: stacked ? [0.53, 1] : [0, 1]},
  };
  if (side) {
    out.xaxis2 = {...axis, range: span(0), domain: stacked ? [0, 1] : [0.51, 1], anchor: 'y2', matches: 'x'};
    out.yaxis2 = {...axis, range: span(1), domain: stacked ? [0, 0.47] : [0, 1], anchor: 'x2', matches: 'y'};
    out.annotations = map.sides.map((s, i) => ({text: s.name, showarrow: false, xref: i ? 'x2 domain' : 'x domain', yref: i ? 'y2 domain' : 'y domain', x: 0, y: 1, xanchor: 'left', yanchor: 'bottom', font: {size: 13}}));
  }
  return {...themed(out), uirevision: `${map.id} ${apart}`, selectionrevision: `${map.id} ${apart}`};
};
const draw = () => {
  if (props.value && typeof Plotly === 'undefined') { plotly().then(draw); return; }
  const whole = read();
  if (whole || !map) frame.hidden = !whole;
  if (!whole) return;
  words();
  box.setAttribute('aria-label', map.label);
  traces = made();
  const shape = layout();
  box.style.height = shape.height + 'px';
  clearTimeout(resting);
  resting = 0;
  Plotly.react(box, traces.map(t => ({...t.trace, ...put(t)})), shape, {responsive: true, displaylogo: false, displayModeBar: false, doubleClick: 'reset'});
  frame.classList.remove('tl-moving');
  if (!listening) listen();
};
const words = () => {
  for (const button of element.querySelectorAll('[data-say]')) button.textContent = map.words[button.dataset.say];
  slider.setAttribute('aria-label', map.words.slider);
  move.hidden = map.sides.length < 2;
  move.querySelectorAll('.tl-end').forEach((end, i) => { end.textContent = map.sides[i] ? map.sides[i].title : ''; });
  slider.value = 100 * at;
  slider.disabled = apart;
  press();
};
const press = () => {
  for (const button of tools.querySelectorAll('[data-drag]')) button.setAttribute('aria-pressed', String(button.dataset.drag === String(dragging)));
  move.querySelector('[data-say=beside]').setAttribute('aria-pressed', String(apart));
};
let asked = 0;
const soon = () => { if (!asked) asked = requestAnimationFrame(() => { asked = 0; draw(); }); };

// --- from before to after ---------------------------------------------------------------------------------

// Plotly draws everything anew for each place of the points, which takes a browser without a GPU 0.1 s for 2,000 of them. So
// while they move they are sketched on a canvas over the plot, and Plotly draws them where they come to rest.
const RESTS = 150;  // ms without a move
let moving = 0, resting = 0;
const sketch = () => {
  const {xaxis, yaxis} = box._fullLayout, ratio = window.devicePixelRatio || 1, pen = canvas.getContext('2d');
  const width = xaxis._length, height = yaxis._length, [x0, y0] = [xaxis.l2p(0), yaxis.l2p(0)], [dx, dy] = [xaxis.l2p(1) - x0, yaxis.l2p(1) - y0];
  Object.assign(canvas.style, {left: `${box.offsetLeft + xaxis._offset}px`, top: `${box.offsetTop + yaxis._offset}px`, width: `${width}px`, height: `${height}px`});
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  pen.scale(ratio, ratio);
  for (const one of traces) {
    const {x, y} = put(one), {marker, mode} = one.trace;
    pen.globalAlpha = (marker && marker.opacity) || 1;
    pen.fillStyle = pen.strokeStyle = marker ? marker.color : one.trace.line.color;
    if (mode === 'lines') {
      pen.beginPath();
      for (let i = 0; i < x.length; i++) pen[i % 3 ? 'lineTo' : 'moveTo'](x0 + dx * x[i], y0 + dy * y[i]);
      pen.stroke();
      continue;
    }
    const size = marker.size, half = size / 2, round = x.length <= 3000 && marker.symbol !== 'square';
    for (let i = 0; i < x.length; i++) {
      const left = x0 + dx * x[i], top = y0 + dy * y[i];
      if (!round) { pen.fillRect(left - half, top - half, size, size); continue; }
      pen.beginPath();
      pen.arc(left, top, half, 0, 2 * Math.PI);
      if (marker.symbol === 'circle-open') pen.stroke(); else pen.fill();
    }
  }
  frame.classList.add('tl-moving');
};
const rest = () => {
  resting = 0;
  traces.forEach(one => { one.panel.t = at; });
  const spots = traces.map(put);
  Plotly.restyle(box, {x: spots.map(s => s.x), y: spots.map(s => s.y)}).then(() => { if (!resting) frame.classList.remove('tl-moving'); });
};
const go = t => {
  at = Math.min(1, Math.max(0, t));
  slider.value = 100 * at;
  clearTimeout(resting);
  resting = setTimeout(rest, RESTS);
  if (!moving) moving = requestAnimationFrame(() => {
    moving = 0;
    traces.forEach(one => { one.panel.t = at; });
    sketch();
    hide();
  });
};
const play = () => {
  if (playing) { cancelAnimationFrame(playing); playing = 0; return; }
  if (apart) { apart = false; draw(); }
  if (reduced) { go(at < 1 ? 1 : 0); return; }
  const from = at >= 1 ? 0 : at, began = performance.now();
  const step = now => {
    const t = from + (now - began) / 1600;
    go(t);
    playing = t < 1 ? requestAnimationFrame(step) : 0;
  };
  playing = requestAnimationFrame(step);
};
slider.addEventListener('input', () => { cancelAnimationFrame(playing); playing = 0; go(slider.value / 100); });
move.querySelector('[data-say=play]').addEventListener('click', play);
move.querySelector('[data-say=beside]').addEventListener('click', () => { apart = !apart; draw(); });

// --- pointing ---------------------------------------------------------------------------------------------

const hide = () => { tip.hidden = true; shownText = null; };
const rowsOf = event => [...new Set(event.points.map(p => traces[p.curveNumber]).flatMap((t, i) => t && t.some && !t.silent ? [row(t.some[event.points[i].pointNumber])] : []))];
const listen = () => {
  listening = true;
  box.on('plotly_hover', event => {
    const [i] = rowsOf(event);
    if (i === undefined) return;
    shownText = i;
    tip.querySelector('b').textContent = colours.groups[colours.of[i]].plain;
    tip.querySelector('span').textContent = texts[i];
    tip.hidden = false;
    const around = element.getBoundingClientRect(), x = event.event.clientX - around.left, y = event.event.clientY - around.top;
    tip.style.left = Math.max(0, Math.min(x + 14, around.width - tip.offsetWidth)) + 'px';
    tip.style.top = (y + 18) + 'px';
  });
  box.on('plotly_unhover', hide);
  box.on('plotly_click', event => {
    const [i] = rowsOf(event);
    const side = apart ? traces[event.points[0].curveNumber].panel.t : Math.round(at);
    if (i !== undefined) trigger('select', {row: i, side});
  });
  box.on('plotly_selected', event => { if (event && event.points.length) trigger('select', {rows: rowsOf(event)}); });
  box.on('plotly_deselect', () => trigger('select', {rows: []}));
};
for (const button of tools.querySelectorAll('[data-drag]')) button.addEventListener('click', () => {
  dragging = dragging === button.dataset.drag ? false : button.dataset.drag;
  press();
  Plotly.relayout(box, {dragmode: dragging});
});
tools.querySelector('[data-say=whole]').addEventListener('click', () => {
  Plotly.relayout(box, {'xaxis.range': span(0), 'yaxis.range': span(1), selections: []}).then(() => Plotly.restyle(box, {selectedpoints: [null]}));
});
save.addEventListener('click', () => {
  const back = colour('--block-background-fill') || '#fff', size = {width: box.clientWidth, height: box.clientHeight};
  const ranges = {xaxis: {...box.layout.xaxis}, yaxis: {...box.layout.yaxis}};
  Plotly.downloadImage({data: box.data, layout: {...box.layout, ...ranges, ...size, paper_bgcolor: back, plot_bgcolor: back}}, {format: 'png', scale: 2, ...size, filename: map.file});
});

draw();
watch('value', soon);
window.addEventListener('tl-map-part', soon);
new MutationObserver(soon).observe(document.body, {attributes: true, attributeFilter: ['class']});
let width = 0;
new ResizeObserver(() => { if (box.clientWidth && box.clientWidth !== width) { width = box.clientWidth; if (listening || props.value) soon(); } }).observe(element);
