// For whoever draws with Plotly: the colours of the page, light or dark, by `colour(name)` and
// `themed(layout)`, of a figure as JSON by `lit(json)`; and `plotly()`, a promise of the library, whose 5 MB are not run before
// something is to be drawn. `script`, its address, is set before this.
const plotly = () => window.tlPlotly ??= new Promise((ready, failed) => {
  const element = document.createElement('script');
  element.src = script; element.onload = ready;
  element.onerror = () => { window.tlPlotly = undefined; failed(new Error('plotly.min.js did not come')); };
  document.head.append(element);
});
const colour = name => getComputedStyle(document.querySelector('.gradio-container') || document.body).getPropertyValue(name).trim();
// The blue of the palette is too dim on the dark ground: there it is a lighter one, which no other method has.
const lit = json => document.body.classList.contains('dark') ? json.replace(/#0072b2/gi, '#2e86de').replace(/rgba\(0, ?114, ?178/g, 'rgba(46,134,222') : json;
const axes = layout => new Set([...Object.keys(layout).filter(key => /^[xy]axis\d*$/.test(key)), 'xaxis', 'yaxis']);
const themed = layout => {
  const ink = colour('--body-text-color'), line = colour('--border-color-primary'), clear = 'rgba(0,0,0,0)';
  const out = {...layout, autosize: true, width: undefined, uirevision: 'keep', paper_bgcolor: clear, plot_bgcolor: clear,
    font: {...(layout.font || {}), color: ink, family: getComputedStyle(document.body).fontFamily},
    modebar: {bgcolor: clear, color: ink, activecolor: ink},
    hoverlabel: {bgcolor: colour('--block-background-fill') || '#fff', bordercolor: line, font: {color: ink}, align: 'left', ...(layout.hoverlabel || {})}};
  for (const key of axes(layout)) out[key] = {...(layout[key] || {}), gridcolor: line, zerolinecolor: line, linecolor: line};
  return out;
};
