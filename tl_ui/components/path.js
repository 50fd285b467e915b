// The way through the page. The tabs themselves are Gradio's; their row is hidden, and what is pressed here is pressed
// there. States are put into the page as text and never as HTML.
const buttons = [...element.querySelectorAll('[data-tab]')], row = id => document.querySelector(`#tab-${CSS.escape(id)}-button`);
const asked = () => new URLSearchParams(location.search).get('tab');
const first = buttons[0].dataset.tab;
let shown = null, going = false;

const selected = () => buttons.map(b => b.dataset.tab).find(id => row(id)?.getAttribute('aria-selected') === 'true');
const say = () => {
  const now = JSON.parse(props.value || '{}'), lang = document.documentElement.lang === 'ko' ? 'ko' : 'en';
  for (const place of element.querySelectorAll('[data-state]')) place.textContent = now[place.dataset.state]?.[lang] || '';
};
const mark = () => {
  const id = selected();
  if (!id || id === shown) return;
  const before = shown;
  shown = id;
  const link = before === null && !asked() && new URLSearchParams(location.search).has('study');
  for (const b of buttons) if (b.dataset.tab === id) b.setAttribute('aria-current', 'page'); else b.removeAttribute('aria-current');
  if (link) { going = true; return; } // the server is still to say where the link of a study leads
  const url = new URL(location);
  if (id === first && !url.searchParams.has('study')) url.searchParams.delete('tab'); else url.searchParams.set('tab', id);
  const part = document.documentElement.dataset.part;
  if (id !== 'results') url.searchParams.delete('section'); else if (part) url.searchParams.set('section', part);
  if (url.href !== location.href) history[before === null || going ? 'replaceState' : 'pushState'](history.state, '', url);
  going = false;
};
const go = id => { if (row(id) && id !== selected()) row(id).click(); };

for (const b of buttons) b.addEventListener('click', () => go(b.dataset.tab));
element.querySelector('.tl-skip').addEventListener('click', event => {
  event.preventDefault();
  const panel = document.querySelector(`#tab-${CSS.escape(selected() || first)}`);
  if (panel) { panel.tabIndex = -1; panel.focus(); }
});
window.addEventListener('popstate', () => { const id = asked() || first; if (id !== selected()) { going = true; go(id); } });

// A file that is let go beside the fields for files is not opened in place of the page: where texts are asked for it is taken as
// those, elsewhere it is said where files go.
const dropped = element.querySelector('.tl-dropped');
let quiet = 0;
const brings = event => event.dataTransfer && [...event.dataTransfer.types].includes('Files');
window.addEventListener('dragover', event => { if (brings(event)) event.preventDefault(); });
window.addEventListener('drop', event => {
  if (event.defaultPrevented || !brings(event)) return;
  event.preventDefault();
  if (['start', 'data'].includes(shown)) { window.dispatchEvent(new CustomEvent('tl-file', {detail: event.dataTransfer.files})); return; }
  dropped.hidden = false;
  clearTimeout(quiet);
  quiet = setTimeout(() => { dropped.hidden = true; }, 12000);
});

watch('value', say);
new MutationObserver(say).observe(document.documentElement, {attributes: true, attributeFilter: ['lang']});
say();

// The row of tabs comes a moment later.
const begin = setInterval(() => {
  if (!selected()) return;
  clearInterval(begin);
  const wanted = asked();
  new MutationObserver(mark).observe(document.querySelector('#tabs'), {subtree: true, childList: true, attributes: true, attributeFilter: ['aria-selected']});
  if (wanted && row(wanted) && wanted !== selected()) { going = true; go(wanted); } else mark();
}, 30);
