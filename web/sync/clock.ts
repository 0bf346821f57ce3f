/** The only place in the app that reads the phone's clock; everybody else is handed the moment. */
import { type Clock, instant } from '#shared/base/time.ts';

/** The phone's own clock. It may be wrong: promises are judged against the time floor in the vault. */
export const deviceClock: Clock = () => instant(Date.now());
