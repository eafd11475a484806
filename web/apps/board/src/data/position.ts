/**
 * Places inside a column: decimal numbers in strings, of any length, ascending.
 *
 * Calculated exactly: with doubles, some fifty moves into the same gap would end in a tie.
 */

interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

function parse(text: string): Decimal {
  const [whole = "0", fraction = ""] = text.split(".");
  return { digits: BigInt(whole + fraction), scale: fraction.length };
}

function format({ digits, scale }: Decimal): string {
  if (scale === 0) return digits.toString();
  const sign = digits < 0n ? "-" : "";
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, "0");
  const fraction = text.slice(-scale).replace(/0+$/, "");
  return sign + text.slice(0, -scale) + (fraction && `.${fraction}`);
}

function digitsAt(decimal: Decimal, scale: number): bigint {
  return decimal.digits * 10n ** BigInt(scale - decimal.scale);
}

/** Compare two places, as a function to sort by. */
export function comparePositions(a: string, b: string): number {
  const rough = Number(a) - Number(b);
  if (rough !== 0 || a === b) return rough;
  const [left, right] = [parse(a), parse(b)];
  const scale = Math.max(left.scale, right.scale);
  const [x, y] = [digitsAt(left, scale), digitsAt(right, scale)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** A place between two others; past the one where there is no other; anywhere without both. */
export function positionBetween(before: string | undefined, after: string | undefined): string {
  if (before === undefined) return after === undefined ? "0" : beside(after, -1n);
  if (after === undefined) return beside(before, 1n);
  const [left, right] = [parse(before), parse(after)];
  const scale = Math.max(left.scale, right.scale) + 1;
  return format({ digits: (digitsAt(left, scale) + digitsAt(right, scale)) / 2n, scale });
}

function beside(text: string, distance: bigint): string {
  const place = parse(text);
  return format({
    digits: place.digits + distance * 10n ** BigInt(place.scale),
    scale: place.scale,
  });
}
