/** What the simulator can run. A run is a function of its seed alone. */
export interface Scenario {
  readonly name: string;
  /** Throws SimulationFailure when the run shows a fault. */
  run(seed: number, trace: ((line: string) => void) | undefined): void | Promise<void>;
}

/** A checker's finding. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure';
}

export function ensure(condition: boolean, finding: () => string): asserts condition {
  if (!condition) throw new SimulationFailure(finding());
}
