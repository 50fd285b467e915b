// "Now yours" hands a dropped or chosen file to the upload of the Data tab, and goes there. A file that is there already is
// taken away first: the field for one takes no second.
const give = async files => {
  document.querySelector('#tab-data-button')?.click();
  for (let wait = 0; wait < 400; wait++) {
    const input = document.querySelector('#upload input[type=file]');
    if (input) {
      if (files) { input.files = files; input.dispatchEvent(new Event('change', {bubbles: true})); } else input.click();
      return;
    }
    document.querySelector('#upload :is([aria-label="Remove this file"], [aria-label="Clear"])')?.click();
    await new Promise(done => setTimeout(done, 50));
  }
};
window.addEventListener('tl-file', event => give(event.detail)); // let go beside a field for files
for (const zone of element.querySelectorAll('.tl-yours')) {
  zone.addEventListener('click', () => give(null));
  zone.addEventListener('dragover', event => { event.preventDefault(); zone.classList.add('tl-over-it'); });
  zone.addEventListener('dragleave', () => zone.classList.remove('tl-over-it'));
  zone.addEventListener('drop', event => {
    event.preventDefault();
    zone.classList.remove('tl-over-it');
    if (event.dataTransfer.files.length) give(event.dataTransfer.files);
  });
}
