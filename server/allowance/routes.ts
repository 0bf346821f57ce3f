/** How a signed-in person learns what their tier allows and sets what their phones may hold. Allowances themselves travel by sync. */

import type { Allowances } from '#server/allowance/allowance.ts';
import type { Identity } from '#server/identity/identity.ts';
import { type Http, refused } from '#server/platform/http.ts';
import { AllowanceSettingsRequest, AllowanceSettingsView, LimitsView } from '#shared/api/allowance.ts';
import { duration } from '#shared/base/time.ts';

/** A change of limits wants the passkey touched this recently. */
const STEP_UP = duration(5, 'min');

/** Mounts the settings of allowances. */
export function allowanceRoutes(app: Http, allowances: Allowances, identity: Pick<Identity, 'requireSession'>): void {
  app.get('/limits', { schema: { response: { 200: LimitsView } } }, async (request, reply) => {
    const session = await identity.requireSession(request);
    if (!session.ok) return refused(reply, session.error);
    const limits = await allowances.limits(session.value.wallet);
    return limits.ok ? limits.value : refused(reply, limits.error);
  });
  app.get('/allowance/settings', { schema: { response: { 200: AllowanceSettingsView } } }, async (request, reply) => {
    const session = await identity.requireSession(request);
    if (!session.ok) return refused(reply, session.error);
    const settings = await allowances.settings(session.value.wallet);
    return settings.ok ? settings.value : refused(reply, settings.error);
  });
  app.put(
    '/allowance/settings',
    {
      schema: { body: AllowanceSettingsRequest, response: { 200: AllowanceSettingsView } },
      config: { rateLimit: { max: 30, timeWindow: '1 minute' } },
    },
    async (request, reply) => {
      const session = await identity.requireSession(request, { stepUpWithin: STEP_UP });
      if (!session.ok) return refused(reply, session.error);
      const settings = await allowances.setSettings(session.value.wallet, request.body);
      return settings.ok ? settings.value : refused(reply, settings.error);
    },
  );
}
