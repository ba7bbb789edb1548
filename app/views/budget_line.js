// Draws the budget line and the chosen entry's rings over a Plotly chart; reports drags and clicks.
// The chart itself is not redrawn: that would take most of the time of a budget change.
const SVG = 'http://www.w3.org/2000/svg';

export default function({ data, setTriggerValue, parentElement }) {
  parentElement.stop?.();  // Streamlit calls this again for new data, but cleans up only at the end
  let chart, layer, dragged = null;

  const add = (name, attributes) => {
    const element = layer.appendChild(document.createElementNS(SVG, name));
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const axes = () => [chart._fullLayout.xaxis, chart._fullLayout.yaxis];
  const across = value => axes()[0]._offset + axes()[0].d2p(value);
  const up = value => axes()[1]._offset + axes()[1].d2p(value);
  const inside = (x, y) => {
    const [xaxis, yaxis] = axes();
    return x >= xaxis._offset - 1 && x <= xaxis._offset + xaxis._length + 1
      && y >= yaxis._offset - 1 && y <= yaxis._offset + yaxis._length + 1;
  };

  const ring = ([x, y], r, width, name) => {
    const [cx, cy] = [across(x), up(y)];
    if (inside(cx, cy))
      add('circle', { cx, cy, r, class: name, fill: 'none', stroke: data.colour,
                      'stroke-width': width });
  };
  const line = budget => {
    const left = axes()[0]._offset, width = axes()[0]._length;
    const top = axes()[1]._offset, bottom = top + axes()[1]._length;
    const place_of_budget = across(budget);
    const x = Math.min(Math.max(place_of_budget, left), left + width);
    const beyond = x === place_of_budget ? '' : x > place_of_budget ? '\u2190 ' : '\u2192 ';
    const place = { x1: x, x2: x, y1: top, y2: bottom };
    add('line', { ...place, class: 'budget', stroke: data.colour, 'stroke-width': 2.5,
                  'stroke-dasharray': '9 6' });
    const right = x < left + 0.8 * width;
    add('text', { x: x + (right ? 6 : -6), y: bottom - 6, fill: data.colour, 'font-size': 13,
                  'text-anchor': right ? 'start' : 'end' })
      .textContent = `${beyond}budget ${Number(budget.toPrecision(4))} ${data.unit}`;
    const handle = add('line', { ...place, stroke: 'transparent', 'stroke-width': 16 });
    Object.assign(handle.style, { pointerEvents: 'stroke', cursor: 'ew-resize',
                                  touchAction: 'none' });
    handle.addEventListener('pointerdown', grab);
  };
  const draw = () => {
    if (!chart?._fullLayout?.xaxis?.d2p) return;
    layer.replaceChildren();
    for (const each of data.tied) ring(each, 8, 1.5, 'tied');
    if (data.chosen) ring(data.chosen, 12, 3.5, 'chosen');
    if (data.budget) line(dragged ?? data.budget);
  };

  const grab = event => {
    event.preventDefault();
    event.stopPropagation();
    const move = moved => {
      const [xaxis] = axes();
      const x = moved.clientX - chart.getBoundingClientRect().left - xaxis._offset;
      dragged = xaxis.p2d(Math.min(Math.max(x, 0), xaxis._length));
      draw();
    };
    const drop = () => {
      removeEventListener('pointermove', move);
      removeEventListener('pointerup', drop);
      if (dragged > 0) setTriggerValue('budget', dragged);
    };
    addEventListener('pointermove', move);
    addEventListener('pointerup', drop);
  };
  const clicked = event => {
    const config = event.points[0].customdata;
    if (typeof config === 'string') setTriggerValue('config', config);
  };

  const leave = () => {
    layer?.remove();
    chart?.removeListener?.('plotly_afterplot', draw);
    chart?.removeListener?.('plotly_relayouting', draw);
    chart?.removeListener?.('plotly_click', clicked);
    chart = layer = undefined;
  };
  // Streamlit replaces the chart when the axes or the theme change.
  const follow = () => {
    const found = document.querySelector(`.st-key-${data.chart} .js-plotly-plot`);
    if (found === chart || !found?.on || !found._fullLayout?.xaxis) return;
    leave();
    chart = found;
    layer = document.createElementNS(SVG, 'svg');
    layer.setAttribute('class', 'budget-line');
    Object.assign(layer.style, { position: 'absolute', inset: 0, width: '100%', height: '100%',
                                 pointerEvents: 'none', overflow: 'visible' });
    chart.style.position = 'relative';
    chart.append(layer);
    chart.on('plotly_afterplot', draw);
    chart.on('plotly_relayouting', draw);
    chart.on('plotly_click', clicked);
    draw();
  };
  follow();
  const timer = setInterval(follow, 100);
  return parentElement.stop = () => { clearInterval(timer); leave(); };
}
