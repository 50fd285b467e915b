// Moves the texts of the first picture from where one model places them to where the next does: once by itself, then under
// the slider and the buttons. Texts are put into the page as text and never as HTML.
const svg = element.querySelector('svg[data-map]'), box = element.querySelector('.tl-moved-box'), tip = element.querySelector('.tl-tip');
const slider = element.querySelector('input[type=range]'), stops = [...element.querySelectorAll('[data-stop]')];
const map = JSON.parse(svg.dataset.map), last = map.sides.length - 1;
const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
const MOVE = 1700, REST = 900;  // milliseconds
let at = 0, moving = 0, played = false;

const dots = map.of.map((label, i) => {
  const dot = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
  dot.setAttribute('fill', map.colours[label]);
  dot.addEventListener('pointerenter', () => show(i));
  dot.addEventListener('pointerleave', () => { tip.hidden = true; });
  svg.append(dot);
  return dot;
});
const place = i => {
  const a = Math.min(last - 1, Math.floor(at)), part = at - a, [from, to] = [map.sides[a][i], map.sides[a + 1][i]];
  return [from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1])];
};
const draw = () => {
  const width = box.clientWidth, height = box.clientHeight, edge = 12, r = width < 420 ? 4.5 : 5.5;
  if (!width) return;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  dots.forEach((dot, i) => {
    const [x, y] = place(i);
    dot.setAttribute('cx', edge + x * (width - 2 * edge));
    dot.setAttribute('cy', edge + (1 - y) * (height - 2 * edge));
    dot.setAttribute('r', r);
  });
  slider.value = at;
  stops.forEach((stop, i) => stop.setAttribute('aria-pressed', String(Math.abs(at - i) < 0.02)));
};
const show = i => {
  const dot = dots[i], x = +dot.getAttribute('cx'), y = +dot.getAttribute('cy');
  tip.querySelector('b').textContent = map.labels[map.of[i]];
  tip.querySelector('span').textContent = map.texts[i];
  tip.hidden = false;
  const right = x > box.clientWidth / 2, low = y > box.clientHeight / 2;
  tip.style.left = right ? '' : `${x + 12}px`; tip.style.right = right ? `${box.clientWidth - x + 12}px` : '';
  tip.style.top = low ? '' : `${y + 12}px`; tip.style.bottom = low ? `${box.clientHeight - y + 12}px` : '';
};
const stop = () => { cancelAnimationFrame(moving); moving = 0; };
const go = (target, then) => {
  stop();
  const from = at, begin = performance.now(), lasts = still ? 0 : MOVE * Math.max(0.5, Math.abs(target - from));
  const frame = now => {
    const part = lasts ? Math.min(1, Math.max(0, now - begin) / lasts) : 1, eased = part < 0.5 ? 4 * part ** 3 : 1 - (2 - 2 * part) ** 3 / 2;
    at = from + eased * (target - from);
    draw();
    if (part < 1) moving = requestAnimationFrame(frame);
    else { moving = 0; if (then) then(); }
  };
  moving = requestAnimationFrame(frame);
};
const play = () => {
  if (played) return;
  played = true;
  const next = side => { if (side <= last) timer = setTimeout(() => go(side, () => next(side + 1)), REST); };
  next(1);
};
let timer = 0;
const mine = () => { played = true; clearTimeout(timer); stop(); };

stops.forEach((button, i) => button.addEventListener('click', () => { mine(); go(i); }));
slider.addEventListener('input', () => { mine(); at = +slider.value; draw(); });
new ResizeObserver(draw).observe(box);
new IntersectionObserver(seen => { if (seen.some(s => s.isIntersecting)) play(); }, {threshold: 0.5}).observe(box);
draw();
