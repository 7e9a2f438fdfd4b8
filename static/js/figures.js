// Numbers and times as people read them. Figures look as on the server's pages: telemetry_app/templatetags/figures.py.

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

// six significant digits, and a power of ten for what is very large or very small
export function figure(value) {
  if (value == null || Number.isNaN(value)) return "—";
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e6)) return String(Number(value.toPrecision(6)));
  const [digits, power] = value.toExponential(5).split("e");
  const raised = [...String(Number(power))].map((sign) => RAISED[sign]).join("");
  return `${Number(digits)}×10${raised}`;
}

// a place on a time axis, in UTC, as finely as the steps between places are
export function tick(seconds, step) {
  const iso = new Date(seconds * 1000).toISOString();
  if (step < 1) return iso.slice(11, 23);
  if (step < 60) return iso.slice(11, 19);
  return seconds % 86400 === 0 ? iso.slice(5, 10) : iso.slice(11, 16);
}
