// Python and NumPy on the processor, as the first rungs: in the worker that runs the code of other pages.

// Returns rows {group, size, rung, gap, median, quartiles}; throws one line if Python does not come.
export async function pythonRungs(base, files, { ladder, rounds, patience }, say) {
  const { Machine, workerSettings } = await import(`${base}${files.scripts}machine.js`);
  const machine = new Machine(workerSettings(base, files), (state, detail) => state === "loading" && say(detail));
  try {
    const answer = await fetch(new URL("python_rungs.py", import.meta.url));
    if (!answer.ok) throw new Error("python_rungs.py did not come from this site.");
    const text = await answer.text();
    await machine.start();
    say("Timing Python's loops and NumPy on the processor …");
    const call = `measured(${[ladder.steps, ladder.recurrences, rounds, patience].map((value) => JSON.stringify(value))})`;
    let printed = "";
    const result = await machine.run({ code: `${text}\n${call}`, where: "python_rungs.py", alone: true }, (part) => (printed += part), () => {});
    if (!result.passed) throw new Error(result.lost ?? printed.trim().split("\n").at(-1));
    return JSON.parse(printed);
  } finally {
    machine.worker?.terminate();
  }
}
