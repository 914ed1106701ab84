export { ObjectStoreError, type ObjectStoreProblem } from "./object-store-error.js";
export { openS3Bucket, type S3Bucket, type S3Options } from "./s3-bucket.js";
