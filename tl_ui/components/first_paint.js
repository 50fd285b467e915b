// Shows the first paint where the first screen is what was asked for, in the theme that was chosen; takes it away once the page's
// own is there.
(() => {
  const kept = name => { try { return localStorage.getItem(name); } catch (e) { return null; } };
  // as theme.py does it, whose script comes later
  document.documentElement.lang = kept('tl-lang') || (navigator.languages.find(l => /^(ko|en)/i.test(l)) || 'en').slice(0, 2).toLowerCase();
  const at = document.getElementById('tl-first-paint'), asked = new URLSearchParams(location.search);
  if (['study', 'tab', 'look'].some(name => asked.has(name))) { at.remove(); return; }
  const chosen = [asked.get('__theme'), kept('tl-theme')].find(theme => theme === 'dark' || theme === 'light');
  const dark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  at.classList.toggle('dark', dark);
  at.setAttribute('data-shown', ''); at.setAttribute('aria-hidden', 'true');
  const away = () => { seen.disconnect(); at.remove(); };
  const seen = new MutationObserver(() => { if (document.querySelector('#first-picture figure')) away(); });
  seen.observe(document.body, {childList: true, subtree: true});
  setTimeout(away, PATIENCE);
})();
