/** Loaded into a process before anything else: its clock is wrong by SHIFT_CLOCK_MS, for all of its own code. */

const RightDate = Date;
const shiftMs = Number(process.env['SHIFT_CLOCK_MS'] ?? 0);

globalThis.Date = new Proxy(RightDate, {
  construct: (target, args: unknown[]) =>
    args.length === 0 ? new target(target.now() + shiftMs) : (Reflect.construct(target, args) as Date),
  get: (target, property) =>
    property === 'now' ? () => target.now() + shiftMs : (Reflect.get(target, property) as unknown),
});
