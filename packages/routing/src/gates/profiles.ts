/** Who asks: dispatch, its second pass past open breakers, or admission before money is held. */
export type ProfileName = "select" | "select_failopen" | "preview";
