package cairn.server.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Reads what a client has said and what it was answered by the letter of the protocol, and fails unless everything was
 * answered in its form, or the connection was closed for a reason.
 */
final class NbdJudge {
    private final NbdLimits limits;
    private final ByteBuffer said;
    private final ByteBuffer answered;
    private final boolean isOpen;

    private boolean hasZeroes;
    private boolean isStructured;
    private int messages;

    /** @param isOpen whether the connection is open when everything has been said, done and received */
    NbdJudge(NbdLimits limits, byte[] said, byte[] answered, boolean isOpen) {
        this.limits = limits;
        this.said = ByteBuffer.wrap(said);
        this.answered = ByteBuffer.wrap(answered);
        this.isOpen = isOpen;
    }

    /** Options and requests that the server has taken in. */
    int messages() {
        return messages;
    }

    void judge() {
        try {
            judgeHandshake();
        } catch (BufferUnderflowException | IllegalArgumentException e) {
            requireClosed("an answer that is cut off");
        }
    }

    private void judgeHandshake() {
        answered.position(18);
        if (said.remaining() < Integer.BYTES) {
            requireOpen("the client's flags are not complete");
            return;
        }
        int flags = said.getInt();
        if ((flags & ~3) != 0) {
            requireClosed("unknown client flags");
            return;
        }
        hasZeroes = (flags & NbdHandshake.FLAG_NO_ZEROES) == 0;
        while (judgeOption()) {
            // The next one.
        }
        assertFalse(answered.hasRemaining(), "answers to nothing");
    }

    /** Returns whether another option may follow. */
    private boolean judgeOption() {
        if (said.remaining() < NbdHandshake.OPTION_HEADER_BYTES) {
            requireOpen("an option's header is not complete");
            return false;
        }
        messages++;
        long magic = said.getLong();
        int code = said.getInt();
        long lengthBytes = Integer.toUnsignedLong(said.getInt());
        boolean isTooBig = lengthBytes > limits.optionBytesMax();
        if (magic != NbdHandshake.OPTION_MAGIC
                || lengthBytes > limits.optionSkipBytesMax()
                || isTooBig && code == NbdOption.EXPORT_NAME.code()) {
            requireClosed("an option that can not be taken in");
            return false;
        }
        if (said.remaining() < lengthBytes) {
            requireOpen("an option's payload is not complete");
            return false;
        }
        said.position((int) (said.position() + lengthBytes));
        if (code == NbdOption.EXPORT_NAME.code()) {
            judgeExportName();
            return false;
        }
        return judgeReplies(code);
    }

    private void judgeExportName() {
        if (!answered.hasRemaining()) {
            requireClosed("an export that can not be opened");
            return;
        }
        answered.position(answered.position() + 10 + (hasZeroes ? 124 : 0));
        judgeTransmission();
    }

    private boolean judgeReplies(int code) {
        int reply;
        do {
            if (!answered.hasRemaining()) {
                requireClosed("option " + code + " is not answered");
                return false;
            }
            assertEquals(NbdOptionWriter.MAGIC, answered.getLong());
            assertEquals(code, answered.getInt());
            reply = answered.getInt();
            int lengthBytes = answered.getInt();
            answered.position(answered.position() + lengthBytes);
        } while (reply != NbdOptionReply.ACK.code() && reply >= 0);
        boolean isAcknowledged = reply == NbdOptionReply.ACK.code();
        isStructured |= isAcknowledged && code == NbdOption.STRUCTURED_REPLY.code();
        if (isAcknowledged && code == NbdOption.ABORT.code()) {
            requireClosed("ABORT");
            return false;
        }
        if (isAcknowledged && code == NbdOption.GO.code()) {
            judgeTransmission();
            return false;
        }
        return true;
    }

    private void judgeTransmission() {
        // What is to be answered: cookie -> bytes that come with a simple reply, once for each request.
        Map<Long, Deque<Long>> pending = new HashMap<>();
        String end = readRequests(pending);
        while (answered.hasRemaining()) {
            long cookie = isStructured ? readStructured() : readSimple(pending);
            assertTrue(pending.containsKey(cookie), "cookie " + cookie + " is answered, and nothing asked it");
            pending.get(cookie).remove();
            pending.computeIfPresent(cookie, (ignored, left) -> left.isEmpty() ? null : left);
        }
        if (end.isEmpty()) {
            requireOpen("only good requests");
            assertEquals(Set.of(), pending.keySet(), "not answered");
        } else {
            requireClosed(end);
        }
    }

    /** Returns why the connection is to be closed, or nothing. */
    private String readRequests(Map<Long, Deque<Long>> pending) {
        while (said.remaining() >= NbdRequestDecoder.HEADER_BYTES) {
            messages++;
            if (said.getInt() != NbdRequestDecoder.MAGIC) {
                return "bad magic";
            }
            said.getShort();
            int code = said.getShort() & 0xffff;
            long cookie = said.getLong();
            said.getLong();
            long lengthBytes = Integer.toUnsignedLong(said.getInt());
            if (code == NbdCommand.DISC.code()) {
                return "DISC";
            }
            if (code == NbdCommand.WRITE.code()) {
                if (said.remaining() < lengthBytes) {
                    return "";
                }
                said.position((int) (said.position() + lengthBytes));
            }
            pending.computeIfAbsent(cookie, ignored -> new ArrayDeque<>())
                    .add(code == NbdCommand.READ.code() ? lengthBytes : 0);
        }
        return "";
    }

    private long readStructured() {
        assertEquals(NbdReplyEncoder.STRUCTURED_MAGIC, answered.getInt());
        assertEquals(1, answered.getShort(), "the only chunk");
        answered.getShort();
        long cookie = answered.getLong();
        int lengthBytes = answered.getInt();
        answered.position(answered.position() + lengthBytes);
        return cookie;
    }

    private long readSimple(Map<Long, Deque<Long>> pending) {
        assertEquals(NbdReplyEncoder.SIMPLE_MAGIC, answered.getInt());
        int error = answered.getInt();
        long cookie = answered.getLong();
        long bytes = error == 0 && pending.containsKey(cookie) ? pending.get(cookie).element() : 0;
        answered.position((int) (answered.position() + bytes));
        return cookie;
    }

    private void requireOpen(String why) {
        assertTrue(isOpen, () -> "closed, in spite of " + why);
    }

    private void requireClosed(String why) {
        assertFalse(isOpen, () -> "open, in spite of " + why);
    }
}
