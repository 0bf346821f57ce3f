/** The processes a process has started and that still run, in the kernel's own words (proc(5), `children`). */
import { readFileSync } from 'node:fs';

/** The children of process `pid`, whichever of its threads started them was its first. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}
