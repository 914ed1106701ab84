import { ObjectStoreError, type ObjectStoreProblem, openS3Bucket as openBucket, type S3Bucket, type S3Options } from "@umbel/coordinator";
import { CliError, EXIT_CODES } from "../exit-codes.js";

interface BucketOptions extends Pick<S3Options, "place" | "endpoint" | "fetch" | "wait"> {
  readonly env: Readonly<Record<string, string | undefined>>;
}

const { authentication, failure, network, usage } = EXIT_CODES;
/** How each problem ends a command, and what to do. */
const ENDS: Readonly<Record<ObjectStoreProblem, readonly [(typeof EXIT_CODES)[keyof typeof EXIT_CODES], string]>> = {
  place: [usage, "Write it as s3://bucket or s3://bucket/folder."],
  credentials: [authentication, "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN if there is one."],
  forbidden: [authentication, "Check the credentials, and that they may read and write there."],
  unreachable: [network, "Run it again: what is there already is not sent again."],
  refused: [failure, "Check the bucket's name, AWS_REGION and the endpoint."],
};

/**
 * Opens a bucket with the credentials of the environment, by the names that all tools use: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
 * `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL_S3`.
 *
 * @throws CliError, as its methods do
 */
export function openS3Bucket({ env, endpoint, ...options }: BucketOptions): S3Bucket {
  try {
    const region = env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? "us-east-1";
    const address = endpoint ?? env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"];
    const bucket = openBucket({ ...options, region, endpoint: address, credentials: credentialsIn(env) });
    return {
      holds: (...given) => bucket.holds(...given).catch(fail),
      put: (...given) => bucket.put(...given).catch(fail),
      putParts: (...given) => bucket.putParts(...given).catch(fail),
      putFile: (...given) => bucket.putFile(...given).catch(fail),
      fetchFile: (...given) => bucket.fetchFile(...given).catch(fail),
      keys: () => bucket.keys().catch(fail),
      remove: (...given) => bucket.remove(...given).catch(fail),
    };
  } catch (error) {
    return fail(error);
  }
}

function credentialsIn(env: BucketOptions["env"]): S3Options["credentials"] {
  const [accessKeyId, secretAccessKey, sessionToken] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(
    (name) => env[name] || undefined,
  );
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new ObjectStoreError("credentials", "there are no credentials for the bucket");
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

function fail(error: unknown): never {
  if (!(error instanceof ObjectStoreError)) throw error;
  const [exitCode, remedy] = ENDS[error.problem];
  throw new CliError(`${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`, exitCode, remedy, { cause: error });
}
