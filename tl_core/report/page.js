(async () => {
  'use strict';
  const given = JSON.parse(document.getElementById('figures').textContent);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colours = printing => printing ? {ink: '#000', line: '#bbb', card: '#fff'} : {ink: style('--ink'), line: style('--line'), card: style('--card')};
  const layout = (figure, c) => {
    const out = {...figure.layout, autosize: true, font: {...figure.layout.font, color: c.ink, family: getComputedStyle(document.body).fontFamily},
      hoverlabel: {...figure.layout.hoverlabel, bgcolor: c.card, bordercolor: c.line, font: {color: c.ink}}};
    for (const axis of ['xaxis', 'yaxis']) out[axis] = {...figure.layout[axis], gridcolor: c.line, linecolor: c.line};
    return out;
  };
  const draw = printing => Promise.all(Object.entries(given).map(([key, figure]) =>
    Plotly.react('plot-' + key, figure.data, layout(figure, colours(printing)), {responsive: true, displayModeBar: false, displaylogo: false})));
  try {
    const packed = Uint8Array.from(atob(document.getElementById('plotly').textContent), c => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
    const script = document.createElement('script');
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    await draw(false);
    document.getElementById('no-plots').remove();
    dark.addEventListener('change', () => draw(false));
    addEventListener('beforeprint', () => draw(true));
    addEventListener('afterprint', () => draw(false));
  } catch (fault) {
    console.warn(fault);
  }
})();
