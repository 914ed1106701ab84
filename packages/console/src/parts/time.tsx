/** When something was; the whole of it on hover. */
export function When({ at }: { readonly at: string | null }) {
  if (at === null) return <>never</>;
  const time = new Date(at);
  return (
    <time dateTime={at} title={time.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" })}>
      {time.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })}
    </time>
  );
}
