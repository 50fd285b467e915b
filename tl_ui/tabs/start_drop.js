// "Now yours" hands a dropped or chosen file to the upload of the Data tab, and goes there.
const give = async files => {
  document.querySelector('#tab-data-button')?.click();
  for (let wait = 0; wait < 100; wait++) {
    const input = document.querySelector('#upload input[type=file]');
    if (input) {
      if (files) { input.files = files; input.dispatchEvent(new Event('change', {bubbles: true})); } else input.click();
      return;
    }
    await new Promise(done => setTimeout(done, 50));
  }
};
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
