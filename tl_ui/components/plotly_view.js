const box = element.querySelector('.tl-plot'), png = element.querySelector('.tl-picture'), svg = element.querySelector('.tl-vector');
let listening = false;
const shown = given => {
  const steps = given.steps || [], step = steps[Math.min(given.at, steps.length - 1)];
  if (!step) return given.figure;
  return {data: given.figure.data.map((trace, i) => ({...trace, ...step.data[i]})), layout: {...given.figure.layout, ...step.layout}};
};
const draw = () => {
  png.hidden = svg.hidden = !props.value;
  if (typeof Plotly === 'undefined' && props.value) { plotly().then(draw); return; }
  if (!props.value) { if (listening) Plotly.purge(box); listening = false; box.style.height = '0'; box.removeAttribute('aria-label'); return; }
  const given = JSON.parse(lit(props.value)), figure = shown(given);
  png.textContent = given.picture ? given.picture.says : 'PNG';
  png.ariaLabel = `${given.label}: PNG`;
  svg.ariaLabel = `${given.label}: SVG`;
  box.setAttribute('aria-label', given.label);
  box.style.height = (figure.layout.height || given.height) + 'px';
  Plotly.react(box, figure.data, themed(figure.layout), {responsive: true, displaylogo: false, displayModeBar: false});
  if (listening) return;
  listening = true;
  box.on('plotly_click', event => {
    const p = event.points[0];
    trigger('select', {id: p.customdata === undefined ? null : p.customdata, x: p.x, y: p.y, curve: p.curveNumber});
  });
};
draw();
watch('value', draw);
const keep = format => {
  const given = JSON.parse(lit(props.value)), figure = shown(given), back = colour('--block-background-fill') || '#fff';
  const size = {width: box.clientWidth, height: box.clientHeight}, name = given.picture ? given.picture.name : element.parentElement.closest('[id]')?.id || 'plot';
  const layout = {...themed(figure.layout), paper_bgcolor: back, plot_bgcolor: back, ...size};
  Plotly.downloadImage({data: figure.data, layout}, {format, scale: format === 'png' ? 2 : 1, ...size, filename: name});
};
png.addEventListener('click', () => keep('png'));
svg.addEventListener('click', () => keep('svg'));
new MutationObserver(draw).observe(document.body, {attributes: true, attributeFilter: ['class']});
new ResizeObserver(() => { if (props.value && box.clientWidth && typeof Plotly !== 'undefined' && listening) Plotly.Plots.resize(box); }).observe(element);
