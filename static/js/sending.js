// One upload with progress and cancel. Resolves to {url} or {errors}; rejects with "network", "server" or "cancelled".
export function send({ action, body, wordsTooLarge }, { onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", action);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded, event.total);
    });
    request.addEventListener("load", () => {
      const answer = request.response;
      if (answer?.url || answer?.errors) resolve(answer);
      else if (request.status === 413) resolve({ errors: { file: [{ message: wordsTooLarge }] } });
      else reject(new Error("server"));
    });
    request.addEventListener("error", () => reject(new Error("network")));
    request.addEventListener("abort", () => reject(new Error("cancelled")));
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}

export function readableSize(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1024)), units.length - 1);
  const value = bytes / 1024 ** step;
  const format = { style: "unit", unit: units[step], maximumFractionDigits: value < 10 && step ? 1 : 0 };
  return new Intl.NumberFormat(document.documentElement.lang, format).format(value);
}
