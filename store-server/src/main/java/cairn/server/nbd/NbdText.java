package cairn.server.nbd;

import cairn.Fault;
import cairn.StoreException;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** What options are made of: strings as the protocol has them, UTF-8 without NUL, and not too long. */
final class NbdText {
    private static final int MESSAGE_CHARS_MAX = 400;

    private NbdText() {}

    /**
     * Reads a string. Borrows {@code in}.
     *
     * @throws StoreException TOO_LARGE, or INVALID_REQUEST for bytes that are not UTF-8, for NUL, or if there are
     *     fewer bytes
     */
    static String read(ByteBuf in, long lengthBytes) {
        if (lengthBytes > NbdLimits.STRING_BYTES_MAX) {
            throw new StoreException(Fault.TOO_LARGE,
                    "a string has " + lengthBytes + " bytes, and may have " + NbdLimits.STRING_BYTES_MAX);
        }
        if (lengthBytes > in.readableBytes()) {
            throw new StoreException(Fault.INVALID_REQUEST,
                    "a string has " + lengthBytes + " bytes, of which only " + in.readableBytes() + " are there");
        }
        byte[] bytes = new byte[Math.toIntExact(lengthBytes)];
        in.readBytes(bytes);
        String text = decode(bytes);
        if (text.indexOf('\0') >= 0) {
            throw new StoreException(Fault.INVALID_REQUEST, "a string contains a NUL");
        }
        return text;
    }

    /** Requires that no byte is left. Borrows {@code in}. @throws StoreException INVALID_REQUEST */
    static void requireEmpty(ByteBuf in) {
        if (in.isReadable()) {
            throw new StoreException(Fault.INVALID_REQUEST, in.readableBytes() + " bytes too many");
        }
    }

    /** Requires that so many bytes are left. Borrows {@code in}. @throws StoreException INVALID_REQUEST */
    static void requireBytes(ByteBuf in, int bytes) {
        if (in.readableBytes() < bytes) {
            throw new StoreException(Fault.INVALID_REQUEST,
                    "the option ends " + (bytes - in.readableBytes()) + " bytes too early");
        }
    }

    private static String decode(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new StoreException(Fault.INVALID_REQUEST, "a string of " + bytes.length + " bytes is not UTF-8", e);
        }
    }

    /** What a peer is told about a failure: nothing of what is ours alone. */
    static String messageOf(Throwable failure) {
        Throwable cause = Fault.cause(failure);
        String message = Fault.of(failure) == Fault.INTERNAL ? "internal error" : cause.getMessage();
        return message.length() <= MESSAGE_CHARS_MAX ? message : message.substring(0, MESSAGE_CHARS_MAX) + "…";
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
