import { action, from, local, pythonOp, type Input } from "aqm";
import type { Calibration } from "./calibration.ts";
import type { Size } from "./configs.ts";
import { data } from "./data.ts";
import type { Format, Scored } from "./engines/engine.ts";

const drawOp = pythonOp("calibration_draw", data);

/** Another draw of calibration data, as large as the subset that analyses use, and what engines score on it. */
export interface CalibrationDraw {
  readonly name: string;
  /** The calibration with the draw in the place of a subset. */
  readonly calibration: Calibration;
  /** Scores of a format by an engine: one action for all comparisons that ask for them. */
  readonly scores: (engine: string, format: Format, what: Scored) => Input;
}

export type CalibrationDraws = (
  /** From 1. */
  number: number,
  seed: number,
  calibration: Calibration,
  size: Size,
) => CalibrationDraw;

/**
 * Draws of text: images lie apart for each subset, so another draw has none.
 *
 * @param root folder of the model's artifacts
 */
export function drawsOf(root: string): CalibrationDraws {
  const draws = new Map<string, CalibrationDraw>();
  return (number, seed, calibration, size) => {
    // The usual subset is the first.
    const name = `draw_${number + 1}`;
    const place = `${root}/engine-comparison/draws/${name}_${seed}_${size}`;
    const draw = draws.get(place) ?? drawn(place, name, { number, seed }, calibration, size);
    draws.set(place, draw);
    return draw;
  };
}

function drawn(
  place: string,
  name: string,
  { number, seed }: { readonly number: number; readonly seed: number },
  calibration: Calibration,
  size: Size,
): CalibrationDraw {
  const { samples, images } = calibration.subsets[size];
  const made = action({
    op: drawOp,
    params: { samples, seed, apart_from: samples, number },
    inputs: { database: calibration.sample },
    outputs: {
      captions: local(`${place}/captions.txt`),
      database: local(`${place}/samples.db`),
    },
  });
  const database = from(made, "database");
  const own = calibration.subsets[size];
  // Texts that are no captions keep their newlines, which lines of text cannot.
  const captions = own.captions === own.database ? database : from(made, "captions");
  const subset = { size, samples, captions, database, images };
  const drawnFrom = { ...calibration, subsets: { ...calibration.subsets, [size]: subset } };
  const scored = new Map<string, Input>();
  return {
    name,
    calibration: drawnFrom,
    scores: (engine, format, what) => {
      const folder = `${place}/${engine}/${format.name}`;
      const scores =
        scored.get(folder) ??
        from(format.scores({ ...what, calibration: drawnFrom }, folder), "scores");
      scored.set(folder, scores);
      return scores;
    },
  };
}
