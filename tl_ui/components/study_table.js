// The table comes as HTML in which everything a visitor wrote is escaped. The search stays as it is when the table is drawn anew.
const place = element.querySelector('.tl-studies'), fields = [...element.querySelectorAll('input[type=search]')];
let sought = '', last = '';
const sift = () => {
  const rows = [...place.querySelectorAll('tbody tr')];
  for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(sought);
  const none = place.querySelector('[data-none]');
  if (none) none.hidden = !rows.length || rows.some(row => !row.hidden);
};
const draw = () => {
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.press : '';
  place.innerHTML = props.value || '';
  sift();
  if (focused || last) (place.querySelector(`[data-press="${CSS.escape(focused || last)}"]`) || fields.find(f => f.offsetParent))?.focus({preventScroll: true});
  last = '';
};
for (const field of fields) field.addEventListener('input', () => {
  sought = field.value.trim().toLowerCase();
  for (const other of fields) if (other !== field) other.value = field.value;
  sift();
});
place.addEventListener('click', event => {
  const pressed = event.target.closest('button[data-press]');
  if (!pressed) return;
  last = pressed.dataset.press;
  trigger('select', {id: last});
});
watch('value', draw);
draw();
