// The interactive figure of book/_ext/page/gradient_flow.py: its numbers and uPlot are loaded before this.
{
  const root = document.querySelector(".gradient-flow");
  const data = gradientFlowData;
  const form = root.querySelector("form");
  const network = root.querySelector("svg");
  const chart = root.querySelector(".gradient-flow-chart");
  const reading = root.querySelector(".gradient-flow-reading");
  const MARGIN = { left: 64, right: 16 }; // of the chart's axes, so that nodes stand above their points
  const picture = document.querySelector(".gradient-flow-static");
  let plot;

  // log10 of the norm at h_T, h_{T-1}, …, h_0; null where it is exactly 0.
  function logNorms() {
    const radius = data.radii.indexOf(Number(form.radius.value));
    const steps = data.steps.indexOf(Number(form.steps.value));
    return data.norms[form.activation.value][radius][steps].map((v) => (v === null ? null : v / 100));
  }

  function number(value) {
    if (value === 0) return "0";
    if (value >= 0.001 && value < 10000) return String(Number(value.toPrecision(2)));
    const [digits, power] = value.toExponential(1).split("e");
    return `${digits} × 10^${Number(power)}`;
  }

  function sentence(logs) {
    const T = logs.length - 1;
    const name = data.activations[form.activation.value];
    const where = `${name}, spectral radius ${form.radius.value}, T = ${T}: `;
    if (T === 0) return `${where}there is no step to go back.`;
    const end = logs[T];
    if (end === null) return `${where}nothing of the gradient arrives at the first state. It is exactly 0.`;
    const perStep = number(10 ** (end / T));
    const verdict = end < -1 ? "It vanishes." : end > 1 ? "It explodes." : "It keeps its order of magnitude.";
    return `${where}the gradient arrives at the first state with ${number(10 ** end)} times the norm it had`
      + ` at the loss, a factor of ${perStep} for each step. ${verdict}`;
  }

  function element(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return made;
  }

  // Size and strength of a node say the same: 1 at the norm of the loss, 0 at a ten-thousandth of it or less.
  function drawNetwork(logs, width) {
    const T = logs.length - 1;
    const room = width - MARGIN.left - MARGIN.right;
    const gap = T ? room / T : room;
    const largest = Math.max(2.5, Math.min(13, 0.4 * gap));
    const place = (t) => MARGIN.left + (T ? gap * t : room / 2);
    const y = 20;
    const made = [];
    for (let t = 1; t <= T; t++) {
      made.push(element("line", { x1: place(t - 1), x2: place(t), y1: y, y2: y }));
    }
    logs.forEach((log, k) => {
      const t = T - k;
      const grown = log !== null && log > 0.05;
      const strength = log === null ? 0 : Math.max(0, Math.min(1, 1 + log / 4));
      const size = largest * (0.45 + 0.55 * strength);
      const common = grown
        ? { x: place(t) - size, y: y - size, width: 2 * size, height: 2 * size }
        : { cx: place(t), cy: y, r: size };
      const shape = grown ? "rect" : "circle";
      made.push(element(shape, { ...common, class: "ground" }));
      made.push(element(shape, { ...common, class: `state fill${grown ? " grown" : ""}`, "fill-opacity": strength }));
    });
    made.push(element("text", { x: place(0), y: 52 }, "h₀"));
    if (T) made.push(element("text", { x: place(T), y: 52 }, `h${String(T).replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[d])}`));
    network.setAttribute("viewBox", `0 0 ${width} 58`);
    network.replaceChildren(...made);
  }

  function options(width, logs) {
    const style = getComputedStyle(root);
    const ink = style.getPropertyValue("--u-ink").trim();
    const line = style.getPropertyValue("--u-line").trim();
    const font = `13px ${getComputedStyle(reading).fontFamily}`;
    const known = logs.filter((v) => v !== null);
    const low = Math.min(-3, Math.floor(Math.min(...known)));
    const high = Math.max(1, Math.ceil(Math.max(...known)));
    const every = Math.ceil((high - low) / 6);
    const powers = [];
    for (let power = Math.ceil(low / every) * every; power <= high; power += every) powers.push(power);
    const axis = { stroke: ink, font, labelFont: font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const T = logs.length - 1;
    return {
      width, height: 240, padding: [8, MARGIN.right, 0, 0],
      cursor: { show: false }, legend: { show: false },
      scales: { x: { time: false, range: [T ? 0 : -1, T || 1] }, y: { range: [low, high] } },
      axes: [
        { ...axis, label: "step t", labelSize: 20, size: 34, incrs: [1, 2, 5, 10] },
        { ...axis, label: "norm of the gradient", labelSize: 20, size: MARGIN.left - 20, splits: powers,
          values: (_, splits) => splits.map((v) => (v === 0 ? "1" : `10${superscript(v)}`)) },
      ],
      series: [{}, { stroke: style.getPropertyValue("--u-accent").trim(), width: 2,
        points: { show: true, size: T > 30 ? 4 : 6, fill: style.getPropertyValue("--u-accent").trim() } }],
    };
  }

  function superscript(v) {
    return String(v).replace("-", "⁻").replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]);
  }

  // The static picture stays until the figure is drawn, and comes back when it cannot be drawn.
  function draw() {
    root.hidden = false; // what is hidden has no width
    try {
      drawFigure();
      picture.hidden = true;
    } catch (error) {
      root.hidden = true;
      picture.hidden = false;
      throw error;
    }
  }

  function drawFigure() {
    const logs = logNorms();
    const width = Math.floor(chart.clientWidth);
    form.querySelector("b").textContent = form.radius.value; // for the eye: the slider tells its value itself
    drawNetwork(logs, width);
    plot?.destroy();
    const backwards = [...logs].reverse();
    plot = new uPlot(options(width, logs), [backwards.map((_, t) => t), backwards], chart);
    const said = sentence(logs);
    if (reading.textContent !== said) reading.textContent = said;
  }

  form.addEventListener("input", draw);
  form.addEventListener("submit", (event) => event.preventDefault());
  // The browser may bring back a choice of the last visit.
  addEventListener("pageshow", draw);
  let drawnWidth = 0;
  // In the next frame: what is drawn changes the height of what is observed, and then a browser writes to the console.
  const drawAtWidth = () => {
    if (chart.clientWidth !== drawnWidth) {
      drawnWidth = chart.clientWidth;
      draw();
    }
  };
  new ResizeObserver(() => requestAnimationFrame(drawAtWidth)).observe(root);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });

  draw();
  drawnWidth = chart.clientWidth;
  performance.mark("gradient-flow-drawn");
}
