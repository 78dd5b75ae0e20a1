package cairn.server.ebs;

import static cairn.server.ebs.EbsFailure.Reason.INVALID_BLOCK_TOKEN;
import static cairn.server.ebs.EbsFailure.Reason.INVALID_PAGE_TOKEN;

import cairn.StoreException;
import cairn.image.SnapshotId;
import cairn.server.account.Caller;
import cairn.server.account.SignedTokens;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;

/**
 * The tokens of blocks and of pages of lists. Each is bound to who asked for it, in which region and for what, and
 * ends. A block's says nothing beside that; a page's holds the first block of the next page, 4 bytes.
 */
final class BlockTokens {
    /** How long a block may be read by the token that a list has given for it, as AWS has it. */
    static final Duration BLOCK_TOKENS_LAST = Duration.ofDays(7);
    private static final Duration PAGE_TOKENS_LAST = Duration.ofHours(1);

    private final SignedTokens tokens;
    private final Clock clock;

    BlockTokens(SignedTokens tokens, Clock clock) {
        this.tokens = tokens;
        this.clock = clock;
    }

    /** When block tokens end that are given out now. */
    Instant blockTokensEnd() {
        return clock.instant().plus(BLOCK_TOKENS_LAST);
    }

    String ofBlock(Caller caller, SnapshotId snapshot, int blockIndex, Instant until) {
        return tokens.issue(blockContext(caller, snapshot, blockIndex), new byte[0], until);
    }

    /** @throws EbsFailure INVALID_BLOCK_TOKEN if it is not ours, another's, of another block, or has ended */
    void requireBlock(Caller caller, SnapshotId snapshot, int blockIndex, String token) {
        open(blockContext(caller, snapshot, blockIndex), token, INVALID_BLOCK_TOKEN);
    }

    private static String blockContext(Caller caller, SnapshotId snapshot, int blockIndex) {
        return context(caller, "block " + blockIndex + " of " + snapshot);
    }

    /** @param list names the list, and what it is of */
    String ofPage(Caller caller, String list, int nextBlock) {
        byte[] content = ByteBuffer.allocate(Integer.BYTES).putInt(nextBlock).array();
        return tokens.issue(context(caller, list), content, clock.instant().plus(PAGE_TOKENS_LAST));
    }

    /** The first block of a page. @throws EbsFailure INVALID_PAGE_TOKEN, as {@link #requireBlock} */
    int openPage(Caller caller, String list, String token) {
        return ByteBuffer.wrap(open(context(caller, list), token, INVALID_PAGE_TOKEN)).getInt();
    }

    private byte[] open(String context, String token, EbsFailure.Reason wrong) {
        try {
            return tokens.open(context, token);
        } catch (StoreException e) {
            throw EbsFailure.invalid(wrong, e.getMessage());
        }
    }

    private static String context(Caller caller, String what) {
        return "ebs " + caller.account() + ' ' + caller.region() + ' ' + what;
    }
}
