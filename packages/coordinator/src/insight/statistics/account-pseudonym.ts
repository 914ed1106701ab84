import { createHmac } from "node:crypto";

const ADJECTIVES =
  "amber brave brisk calm clever copper coral crisp daring dusty eager early fair fleet gentle glad golden grand hardy hazel honest humble ivory jolly keen kind lively lucky mellow merry mild misty modest noble olive patient plain polar proud quick quiet rapid ready rosy royal rustic sandy scarlet silent silver smooth snowy solid spry steady stout sunny swift tawny tidy velvet vivid warm witty".split(
    " ",
  );
const ANIMALS =
  "badger beaver bison bittern bobcat caribou cheetah condor cormorant cougar crane curlew dingo dolphin dormouse egret elk ermine falcon ferret finch fox gannet gazelle gecko gibbon grouse heron hoopoe ibex impala jackdaw jaguar kestrel kite lapwing lark lemur linnet lynx magpie marmot marten merlin moose newt ocelot osprey otter owl panda pelican petrel plover puffin quail raven robin salmon seal stoat swift tern wren".split(
    " ",
  );
const NUMBERS = 10_000;

/**
 * The name under which an account stands in public lists, such as `steady-otter-0412`. Without the secret, it cannot be told whose it is, not
 * even by whoever knows the account.
 *
 * @param secret of this coordinator
 */
export function accountPseudonym(secret: Uint8Array, accountId: string): string {
  const digest = createHmac("sha256", secret).update(`account ${accountId}`).digest();
  const adjective = ADJECTIVES[digest.readUInt16BE(0) % ADJECTIVES.length];
  const animal = ANIMALS[digest.readUInt16BE(2) % ANIMALS.length];
  return `${adjective}-${animal}-${String(digest.readUInt32BE(4) % NUMBERS).padStart(4, "0")}`;
}
