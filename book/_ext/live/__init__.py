"""Code that runs in the page, and the exercises.

answers_file       Save my answers, and Load: the buttons, and which exercises there are.
available_modules  Which modules a browser can import; read with ast, as the build has no browser.
browser_python     Python and NumPy for the browser: Pyodide from npm, a wheel by pip.
course_plans       {course-plan}: the weeks of a course, with links and minutes.
editor_bundle      The cells' editor: CodeMirror from npm, joined by esbuild.
exercise_list      {exercise-list}: all exercises on one page, where exercises.js adds the ticks.
exercise_pages     The pages of exercises as MyST notebooks; sphinx-exercise frames the exercises.
exercises_shown    {answers}, and the links of chapters to their exercises, as nodes of docutils.
gpu_page           {own-gpu}: the kernels in WGSL on the reader's GPU.
gpu_proofs         What these kernels must compute: inputs, and NumPy's answers.
kept_corpus        The corpus of Part 2, compressed, with its licences.
kept_parts         Parts that are made once and kept under a hash of their sources.
knob_elements      The HTML of knobs.
knobs              Knobs of a cell: sliders, choices and checkboxes that set a literal of it.
live_cells         Which cells can run in the page; sphinx-thebe would ask a server to run them.
live_files         All that a page loads, put into the site, with the package as a wheel.
run_button         The button on the page, and the list of its cells for the scripts.
smaller_settings   What a slow cell has in the page instead of its own text.
wheels             A wheel of given files with fixed dates, by zipfile.
"""
