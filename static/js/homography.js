// A homography between fractions of two pictures, as a CSS transform of an element that fills the reference's box.
//
// With S = diag(width, height, 1) the map in pixels of that box is S H S^-1: both pictures are stretched to the
// same box, so the same S serves both sides. CSS wants it column by column, with z left alone.
export function matrix3d(homography, width, height) {
  const [a, b, c, d, e, f, g, h, i] = homography;
  const m = [
    [a, (b * width) / height, c * width],
    [(d * height) / width, e, f * height],
    [g / width, h / height, i],
  ];
  const columns = [
    [m[0][0], m[1][0], 0, m[2][0]],
    [m[0][1], m[1][1], 0, m[2][1]],
    [0, 0, 1, 0],
    [m[0][2], m[1][2], 0, m[2][2]],
  ];
  return `matrix3d(${columns.flat().map((value) => Number(value.toPrecision(12))).join(",")})`;
}
