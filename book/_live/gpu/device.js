// The GPU of the browser: opened, filled with arrays, told to run a kernel. The counterpart of
// code/unrolled/webgpu/device.py. A Refusal is one line for the reader.

export class Refusal extends Error {}

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render|software/i;

function described({ vendor = "", architecture = "", device = "", description = "" }) {
  return { vendor, architecture, device, description };
}

// Whether the processor computes what a GPU would.
export function isSoftware(adapter) {
  const said = Object.values(described(adapter.info)).join(" ");
  return Boolean(adapter.info.isFallbackAdapter ?? adapter.isFallbackAdapter) || SOFTWARE.test(said);
}

export async function openGpu() {
  if (!navigator.gpu) {
    throw new Refusal(
      isSecureContext
        ? "This browser has no WebGPU. Chrome and Edge have had it since version 113; whether Firefox and Safari have it depends on their version and on your system."
        : "A browser offers WebGPU only to pages that come over HTTPS or from this computer.",
    );
  }
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    throw new Refusal("This browser has WebGPU, but it gives no adapter: it found no GPU that it trusts. A newer driver may help.");
  }
  const features = ["timestamp-query"].filter((name) => adapter.features.has(name));
  try {
    return new Gpu(adapter, await adapter.requestDevice({ requiredFeatures: features }));
  } catch (error) {
    throw new Refusal(`The adapter opens no device: ${error.message}`);
  }
}

export class Gpu {
  #pipelines = new Map();
  #recorded = null;

  constructor(adapter, device) {
    this.device = device;
    this.info = described(adapter.info);
    this.software = isSoftware(adapter);
    this.timestamps = device.features.has("timestamp-query");
    this.memory = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize);
    this.fault = null; // a Refusal as soon as something has gone wrong
    this.kept = new Set();
    device.lost.then(({ reason, message }) => {
      const why = [reason, message].filter((word) => word && word !== "unknown").join(": ");
      this.fault ??= new Refusal(`The device was lost${why ? ` (${why})` : ""}. Nothing of this run is kept. Press Start to try again.`);
    });
    device.onuncapturederror = ({ error }) => {
      this.fault ??= new Refusal(
        error instanceof GPUOutOfMemoryError
          ? "The device has too little memory for this run. Close other pages that use the GPU, and press Start again."
          : `WebGPU reports an error: ${error.message.split("\n")[0]}`,
      );
    };
  }

  check() {
    if (this.fault) throw this.fault;
  }

  // An array of float32 or uint32 numbers on the device; only its length, for zeros.
  array(values) {
    const bytes = 4 * (typeof values === "number" ? values : values.length);
    if (bytes > this.memory) {
      throw new Refusal(`The device has too little memory: an array needs ${Math.ceil(bytes / 2 ** 20)} MB, and it gives ${Math.floor(this.memory / 2 ** 20)} MB.`);
    }
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.device.createBuffer({ size: bytes, usage });
    this.kept.add(buffer);
    if (typeof values !== "number") this.device.queue.writeBuffer(buffer, 0, values);
    return buffer;
  }

  // Gives the memory of all arrays back.
  free() {
    for (const buffer of this.kept) buffer.destroy();
    this.kept.clear();
  }

  async read(buffer, kind = Float32Array) {
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const copy = this.device.createBuffer({ size: buffer.size, usage });
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, copy, 0, buffer.size);
    this.device.queue.submit([encoder.finish()]);
    try {
      await copy.mapAsync(GPUMapMode.READ);
    } catch (error) {
      await new Promise((resolve) => setTimeout(resolve)); // the reason comes after this
      this.check();
      throw error;
    }
    const values = new kind(copy.getMappedRange().slice(0));
    copy.destroy();
    this.check();
    return values;
  }

  // A dispatch. sizes: [["u", 3], ["f", 0.1], ...] for the struct at binding 0.
  run(code, sizes, buffers, workgroups) {
    if (!this.#pipelines.has(code)) {
      const module = this.device.createShaderModule({ code });
      this.#pipelines.set(code, this.device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } }));
    }
    const pipeline = this.#pipelines.get(code);
    const words = new ArrayBuffer(16 * Math.ceil(sizes.length / 4));
    sizes.forEach(([kind, value], n) => {
      if (kind === "f") new Float32Array(words)[n] = value;
      else new Uint32Array(words)[n] = value;
    });
    const uniform = this.device.createBuffer({ size: words.byteLength, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    this.kept.add(uniform);
    this.device.queue.writeBuffer(uniform, 0, words);
    const group = this.device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [uniform, ...buffers].map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    const dispatch = { pipeline, group, workgroups };
    this.#recorded?.push(dispatch);
    this.#submit([dispatch], 1);
  }

  // The dispatches that a function runs.
  recorded(work) {
    const found = (this.#recorded = []);
    try {
      work();
    } finally {
      this.#recorded = null;
    }
    return found;
  }

  // Seconds of a pass that runs dispatches several times: by timestamps, or by the clock.
  async seconds(dispatches, times) {
    if (!this.timestamps) {
      const start = performance.now();
      this.#submit(dispatches, times);
      await this.device.queue.onSubmittedWorkDone();
      this.check();
      return (performance.now() - start) / 1000;
    }
    const querySet = this.device.createQuerySet({ type: "timestamp", count: 2 });
    this.#submit(dispatches, times, { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 });
    const resolved = this.device.createBuffer({ size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    const encoder = this.device.createCommandEncoder();
    encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
    this.device.queue.submit([encoder.finish()]);
    const [begin, end] = await this.read(resolved, BigUint64Array);
    querySet.destroy();
    resolved.destroy();
    return Number(end - begin) / 1e9;
  }

  #submit(dispatches, times, timestampWrites) {
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass(timestampWrites ? { timestampWrites } : {});
    for (let n = 0; n < times; n++) {
      for (const { pipeline, group, workgroups } of dispatches) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(...workgroups);
      }
    }
    pass.end();
    this.device.queue.submit([encoder.finish()]);
  }
}
