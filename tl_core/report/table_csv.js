// Saves the table beside a pressed "CSV" as a file. Cells that a spreadsheet would run as a formula get a leading '.
document.documentElement.classList.add('can-save');
document.addEventListener('click', event => {
  const button = event.target.closest && event.target.closest('button.csv');
  if (!button) return;
  const table = button.closest('table') || button.parentElement.querySelector('table');
  const parts = node => node.nodeType === 3 ? [node.data] : node.matches('button, svg') ? [] : [...node.childNodes].flatMap(parts);
  const text = cell => parts(cell).map(part => part.trim()).filter(Boolean).join(' ');
  const inside = said => said.replace(/([;\t]["'\s]*)(?=[=@]|[+-][\w.(@])/g, "$1'"); // where lines are cut at semicolons
  const harmless = said => /^[=+\-@\t\r]/.test(said) && !/^[+-][\d.,]+( %)?$/.test(said) ? "'" + inside(said) : inside(said);
  const rows = [...table.rows].map(row => [...row.cells].map(cell => `"${harmless(text(cell)).replaceAll('"', '""')}"`).join(','));
  const section = table.closest('section'), head = table.caption || (section && section.querySelector('h2, h3'));
  const name = (head ? text(head) : '').replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '').slice(0, 60).toLowerCase() || 'table';
  const link = document.createElement('a');
  const address = URL.createObjectURL(new Blob(['\ufeff' + rows.join('\r\n') + '\r\n'], {type: 'text/csv'}));
  link.setAttribute('href', address);
  link.download = name + '.csv';
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
});
