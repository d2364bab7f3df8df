// One map in one pass: the fragment shader looks up which cell covers a pixel. The cost is that
// of the pixels, not of the positions, and hexagons are true at every zoom. Software rendering walks
// through both sides of every branch: what a map does not need is left out of its program.

/** Parts of the program: HEX lattice, IMAGE beneath, MARKS, OUTLINE, FINE (four samples a pixel). */
export type Part = "HEX" | "IMAGE" | "MARKS" | "OUTLINE" | "FINE";

export const VERTEX = `#version 300 es
in vec2 position;
void main() { gl_Position = vec4(position, 0.0, 1.0); }`;

export const fragment = (parts: Part[]) => `#version 300 es
${parts.map((part) => `#define ${part}`).join("\n")}
precision highp float;
precision highp int;
precision highp usampler2D;
uniform usampler2D u_values;
uniform usampler2D u_state;   // 1 measured, 2 known, 4 region, 8 tissue
uniform sampler2D u_colours;  // a row for each palette
uniform sampler2D u_image;
uniform vec2 u_corner;        // lower left of the pane on the canvas
uniform float u_height;       // of the pane
uniform mat3 u_uv;            // pane pixels, y down, to lattice
uniform mat3 u_st;            // pane pixels to the image, 0 to 1
uniform ivec2 u_size;         // columns, rows
uniform int u_shift;
uniform vec2 u_range;         // level * x + y is 0 to 1 along the colours
uniform bool u_named;         // levels are categories
uniform int u_row;            // of the palette
uniform vec4 u_ground;        // tissue without a value
uniform vec4 u_line;          // around the region
uniform float u_opacity;
uniform int u_under;          // 0 spots, 1 image, 2 both, 3 both with a grey image
uniform float u_cell;         // pixels a cell is wide
uniform float u_stroke;       // of the outline, in pixels
out vec4 result;

const float ROW = 0.8660254037844386;

ivec2 cell(vec2 p, out vec2 off) {
#ifndef HEX
  vec2 c = floor(p + 0.5);
  off = p - c;
  return ivec2(c);
#else
  float first = floor(p.y / ROW);
  float odd = float((int(first) + u_shift) & 1);
  float c0 = floor(p.x - 0.5 * odd + 0.5);
  float c1 = floor(p.x - 0.5 * (1.0 - odd) + 0.5);
  vec2 d0 = p - vec2(c0 + 0.5 * odd, first * ROW);
  vec2 d1 = p - vec2(c1 + 0.5 * (1.0 - odd), (first + 1.0) * ROW);
  bool upper = dot(d0, d0) <= dot(d1, d1);
  off = upper ? d0 : d1;
  return upper ? ivec2(c0, first) : ivec2(c1, first + 1.0);
#endif
}

bool holds(ivec2 c) {
  return c.x >= 0 && c.y >= 0 && c.x < u_size.x && c.y < u_size.y;
}

#ifdef OUTLINE
bool inside(vec2 pixel) {
  vec2 off;
  ivec2 c = cell((u_uv * vec3(pixel, 1.0)).xy, off);
  return holds(c) && (texelFetch(u_state, c, 0).r & 4u) != 0u;
}
#endif

vec4 one(vec2 pixel) {
  vec4 under = vec4(0.0);
#ifdef IMAGE
  vec2 st = (u_st * vec3(pixel, 1.0)).xy;
  if (st.x >= 0.0 && st.y >= 0.0 && st.x <= 1.0 && st.y <= 1.0) {
    vec3 c = textureLod(u_image, st, 0.0).rgb;
    if (u_under == 3) c = vec3(dot(c, vec3(0.299, 0.587, 0.114)));
    under = vec4(c, 1.0);
  }
  if (u_under == 1) return under;
#endif
  vec2 off;
  ivec2 c = cell((u_uv * vec3(pixel, 1.0)).xy, off);
  if (!holds(c)) return under;
  uint state = texelFetch(u_state, c, 0).r;
  uint level = texelFetch(u_values, c, 0).r;
  int at = u_named ? int(level) - 1
    : int(clamp(float(level) * u_range.x + u_range.y, 0.0, 1.0) * 255.0 + 0.5);
  vec4 over = vec4(texelFetch(u_colours, ivec2(max(at, 0), u_row), 0).rgb, 1.0);
#ifdef IMAGE
  over = level > 0u ? over * u_opacity : vec4(0.0);
#else
  if (level == 0u) over = u_ground;
#endif
#ifdef MARKS
  if ((state & 1u) != 0u) {
    float r = length(off);
    if (u_cell >= 6.0) {
      // A ring in dark and light: seen on every colour, and the value stays in sight.
      if (r > 0.27 && r < 0.34) over = vec4(0.05, 0.07, 0.09, 1.0);
      else if (r >= 0.34 && r < 0.41) over = vec4(1.0);
    } else if (u_cell >= 3.0 && r < 0.2) over = vec4(0.05, 0.07, 0.09, 1.0);
  }
#endif
  if ((state & 8u) == 0u) return under;
  return over + under * (1.0 - over.a);
}

void main() {
  vec2 at = gl_FragCoord.xy - u_corner;
  at.y = u_height - at.y;
#ifdef FINE
  vec4 sum = one(at + vec2(-0.375, -0.125)) + one(at + vec2(0.125, -0.375))
    + one(at + vec2(0.375, 0.125)) + one(at + vec2(-0.125, 0.375));
  sum *= 0.25;
#else
  vec4 sum = one(at);
#endif
#ifdef OUTLINE
  bool here = inside(at);
  if (here != inside(at + vec2(u_stroke, 0.0)) || here != inside(at - vec2(u_stroke, 0.0)) ||
      here != inside(at + vec2(0.0, u_stroke)) || here != inside(at - vec2(0.0, u_stroke)))
    sum = u_line;
#endif
  result = sum;
}`;
