// A press draws everything anew; whoever pressed with the keyboard finds the focus where it was.
let last = '';
element.tabIndex = -1;
element.addEventListener('click', event => {
  const button = event.target.closest('button[data-press]');
  if (!button) return;
  last = button.dataset.press;
  trigger('select', {id: last});
});
watch('value', () => {
  if (!last || (document.activeElement && document.activeElement !== document.body)) return;
  const buttons = [...element.querySelectorAll('button[data-press]')];
  const same = buttons.find(button => button.dataset.press === last);
  (same || element).focus({preventScroll: true});
  last = '';
});
