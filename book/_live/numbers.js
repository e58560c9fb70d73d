// The numbers of a picture of a chart: the chart is drawn again from its description in the place of the picture, so that a
// reader can point at its values, with a table of its numbers. Neither needs Python.

async function read(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

// `asked` is the element that asks for the numbers, `root` the folder _static of the site.
export async function show(picture, asked, root, files) {
  const name = picture.src.replace(/.*_images\/|\.svg.*/g, "");
  const [chart, { draw }] = await Promise.all([read(`${root}../_charts/${name}.json`), import(root + files.charts)]);
  const room = asked.parentElement.clientWidth || undefined;
  const drawn = draw(chart, { label: picture.alt, palette: files.palette, room, file: picture.closest("figure")?.id });
  for (const twin of picture.parentElement.querySelectorAll("img.plot")) twin.hidden = true;
  picture.before(drawn);
  asked.hidden = true;
  const table = drawn.querySelector("details");
  table.open = true;
  table.firstChild.focus();
}
