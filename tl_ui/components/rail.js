// The rail of the answer: shows one part of it at a time, in the browser, and keeps the address and its history with it.
// A part is made of elements of the page, named by their ids; sections among them are Gradio's accordions, which are drawn
// when they are opened and are told nothing while they are closed. Their own heads are hidden.
const buttons = [...element.querySelectorAll('[data-part]')], first = buttons[0].dataset.part;
const holds = part => buttons.find(b => b.dataset.part === part)?.dataset.holds.split(' ') || [];
const all = [...new Set(buttons.flatMap(b => b.dataset.holds.split(' ')))];
const asked = () => { const part = new URLSearchParams(location.search).get('section'); return holds(part).length ? part : first; };
const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
const at = id => document.getElementById(id);
let shown = null;

// An accordion is opened and closed as by its head, which may not listen yet: it is pressed again until it has.
const turn = (id, open, tries = 40) => {
  if (!id.startsWith('section-')) return;
  const head = at(id)?.querySelector(':scope > button, :scope > .label-wrap');
  if ((shown && holds(shown).includes(id)) !== open) return;  // something else has been asked meanwhile
  if (head && head.classList.contains('open') !== open) head.click();
  if (tries > 0) setTimeout(() => { if (at(id)?.querySelector(':scope > .open') ? !open : open) turn(id, open, tries - 1); }, 150);
};
const show = (part, drawn) => {
  shown = part;
  const here = holds(part);
  for (const b of buttons) if (b.dataset.part === part) b.setAttribute('aria-current', 'true'); else b.removeAttribute('aria-current');
  for (const id of all) at(id)?.toggleAttribute('data-away', !here.includes(id));
  document.documentElement.dataset.part = part === first ? '' : part;  // what is said above the rail is shorter beside a part
  // what was drawn before is seen at once; opening and closing, which asks the server, comes after that has been painted
  requestAnimationFrame(() => setTimeout(() => {
    for (const id of all) { const open = holds(shown).includes(id); if (id !== drawn || !open) turn(id, open); }
  }));
  const button = buttons.find(b => b.dataset.part === part), strip = button.closest('ul');
  if (strip.scrollWidth > strip.clientWidth) strip.scrollTo({left: button.offsetLeft - strip.clientWidth / 2 + button.offsetWidth / 2, behavior: calm ? 'auto' : 'smooth'});
};
const into = () => {  // what is shown begins where it can be seen
  const top = element.closest('#results-body')?.getBoundingClientRect().top ?? 0;
  if (top < 0 || top > innerHeight * 0.6) scrollTo({top: scrollY + top - 8, behavior: calm ? 'auto' : 'smooth'});
};
const go = (part, drawn) => {
  if (part !== shown) {
    show(part, drawn);
    const url = new URL(location);
    if (part === first) url.searchParams.delete('section'); else url.searchParams.set('section', part);
    if (url.href !== location.href) history.pushState(history.state, '', url);
  }
  into();
};

for (const b of buttons) b.addEventListener('click', () => go(b.dataset.part));
// Other views lead here by an event, which names an element of the part they want, and whether the server draws and opens
// it: as its head would, but with what was pressed there, which one drawing must not take from the other.
window.tlRail?.abort();
window.tlRail = new AbortController();
const also = {signal: window.tlRail.signal};
addEventListener('tl-part', event => {
  const {id, drawn} = event.detail, b = buttons.find(b => b.dataset.holds.split(' ').includes(id));
  if (!b) return;
  go(b.dataset.part, drawn ? id : null);
  if (drawn) setTimeout(() => turn(id, holds(shown).includes(id)), 6000);
}, also);
addEventListener('popstate', () => { if (asked() !== shown) show(asked()); }, also);
show(asked());
// what belongs to a part is made a moment after the rail
const made = new MutationObserver(() => { for (const id of all) if (at(id) && at(id).hasAttribute('data-away') === holds(shown).includes(id)) return void show(shown); });
made.observe(element.closest('#results-body') || document.body, {childList: true});
setTimeout(() => { made.disconnect(); show(shown); }, 1500);
