import type { Variant } from '../../dbus/signature.ts'

/** A property of a unit, by the name and type that systemd gives it; see org.freedesktop.systemd1(5). */
export interface Property {
  readonly name: string
  readonly variant: Variant
  /** Somebody asks for it by name, so the unit is not to be made without. */
  readonly asked?: true
}
