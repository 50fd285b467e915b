// Passing notices in the page's language: Gradio heads each with its kind in English, and says in the browser, in English, that a
// file is of a kind that is not taken. A name is put in as text.
(() => {
  const says = WORDS, own = /^Invalid file types?: ([^]*)\. Only ([^]*) allowed\.$/;
  const say = notice => {
    const words = says[document.documentElement.lang] || says.en, head = notice.querySelector('.toast-title');
    const kind = Object.keys(words).find(name => head?.classList.contains(name));
    if (kind && head.firstChild) head.firstChild.data = `${words[kind]} `;
    for (const at of notice.querySelectorAll('[data-testid=toast-text]')) {
      const found = own.exec(at.textContent.trim());
      if (found) at.textContent = words.wrong_kind.replace(/\{(file|kinds)\}/g, (_, which) => which === 'file' ? found[1] : found[2].replace(/,\s*/g, ', '));
    }
  };
  new MutationObserver(changes => {
    for (const change of changes) for (const node of change.addedNodes)
      if (node instanceof Element)
        for (const notice of [...node.querySelectorAll('[data-testid=toast-body]'), node.closest('[data-testid=toast-body]')]) if (notice) say(notice);
  }).observe(document.documentElement, {childList: true, subtree: true});
})();
