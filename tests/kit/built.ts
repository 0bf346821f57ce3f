/** Builds the app before journeys begin: two of them that found it stale would build it at once, into one folder. */
import { buildApp } from '#tests/kit/house.ts';

export const setup = buildApp;
