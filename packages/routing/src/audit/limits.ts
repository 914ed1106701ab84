export const AUDIT_LIMITS = {
  /** Machines whose views a record keeps. */
  machines_max: 64,
  /** Machines that a record names with what refused them. */
  refused_max: 64,
  /** Of the encoded record. A record of one machine is let pass whatever it takes. */
  record_bytes_max: 32_768,
} as const;
