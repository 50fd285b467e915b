// Brings what is written to the server once the writer rests, and again when the language changes. Answers come as HTML in which
// what was written is escaped.
const place = element.querySelector('.tl-three'), boxes = [...element.querySelectorAll('input')];
let resting = 0, asked = '';
const ask = () => { if (asked.trim()) trigger('select', {id: asked}); else place.innerHTML = ''; };
for (const box of boxes) box.addEventListener('input', () => {
  asked = box.value;
  for (const other of boxes) if (other !== box) other.value = asked;
  clearTimeout(resting);
  resting = setTimeout(ask, asked.trim() ? 450 : 0);
});
new MutationObserver(() => { if (asked.trim()) ask(); }).observe(document.documentElement, {attributes: true, attributeFilter: ['lang']});
watch('value', () => { place.innerHTML = asked.trim() ? props.value || '' : ''; });
