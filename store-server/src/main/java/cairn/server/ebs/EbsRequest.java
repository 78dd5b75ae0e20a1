package cairn.server.ebs;

import static cairn.server.ebs.EbsFailure.Reason.INVALID_SNAPSHOT_ID;
import static cairn.server.ebs.EbsFailure.Reason.SNAPSHOT_NOT_FOUND;

import cairn.Digest;
import cairn.Text;
import cairn.image.SnapshotId;
import cairn.server.account.Caller;
import cairn.server.ebs.EbsFailure.Type;
import cairn.server.http.HttpCall;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A request's parameters outside its body, each checked when it is asked for. Those that nobody asks for are passed
 * over: a client may know more of them than we do.
 */
record EbsRequest(HttpCall call) {
    static final int BLOCK_INDEX_MAX = Integer.MAX_VALUE;

    private static final int SNAPSHOT_ID_CHARS_MAX = 64;
    private static final Pattern SNAPSHOT_ID = Pattern.compile("snap-[0-9a-f]+");
    private static final int SNAPSHOT_ID_CHARS = 22;
    private static final int TOKEN_CHARS_MAX = 256;
    private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9+/=]+");
    private static final int CHECKSUM_CHARS_MAX = 64;
    private static final Pattern DIGITS = Pattern.compile("[0-9]{1,10}");

    Caller caller() {
        return call.caller();
    }

    /** @throws EbsFailure INVALID_SNAPSHOT_ID for a malformed id, SNAPSHOT_NOT_FOUND for one that is never ours */
    static SnapshotId snapshotId(String name, String value) {
        if (value.length() > SNAPSHOT_ID_CHARS_MAX || !SNAPSHOT_ID.matcher(value).matches()) {
            throw EbsFailure.invalid(INVALID_SNAPSHOT_ID, name + " \"" + Text.shown(value) + "\" is no snapshot id");
        }
        if (value.length() != SNAPSHOT_ID_CHARS) {
            throw new EbsFailure(Type.NOT_FOUND, SNAPSHOT_NOT_FOUND, "there is no snapshot " + Text.shown(value));
        }
        return new SnapshotId(value);
    }

    Optional<SnapshotId> findSnapshot(String queryName) {
        return call.find(queryName).map(value -> snapshotId(queryName, value));
    }

    /** A token of at most 256 of the characters that tokens have. @param wrong what to answer for another one */
    Optional<String> findToken(String queryName, EbsFailure.Reason wrong) {
        return call.find(queryName).map(value -> {
            if (value.length() > TOKEN_CHARS_MAX || !TOKEN.matcher(value).matches()) {
                throw EbsFailure.invalid(wrong, queryName + " is no token that was given out here");
            }
            return value;
        });
    }

    Optional<Integer> findNumber(String queryName, int max) {
        return call.find(queryName).map(value -> number(queryName, value, max));
    }

    Optional<Integer> findHeaderNumber(String headerName, int max) {
        return call.findHeader(headerName).map(value -> number(headerName, value, max));
    }

    int readHeaderNumber(String headerName, int max) {
        return findHeaderNumber(headerName, max).orElseThrow(() -> EbsFailure.missing(headerName));
    }

    static int number(String name, String value, int max) {
        if (!DIGITS.matcher(value).matches() || Long.parseLong(value) > max) {
            throw EbsFailure.invalidParameter(name, "a number from 0 to " + max, value);
        }
        return Integer.parseInt(value);
    }

    /** A SHA-256 in Base64. */
    Optional<Digest> findChecksum(String headerName) {
        return call.findHeader(headerName).map(value -> checksum(headerName, value));
    }

    private static Digest checksum(String name, String value) {
        if (value.length() <= CHECKSUM_CHARS_MAX) {
            try {
                byte[] bytes = Base64.getDecoder().decode(value);
                if (bytes.length == Digest.SIZE_BYTES) {
                    return Digest.read(bytes, 0);
                }
            } catch (IllegalArgumentException e) {
                // Told below, like one of another length.
            }
        }
        throw EbsFailure.invalidParameter(name, "a SHA-256 in Base64", value);
    }

    /** Checks a header that, where it is there, has one value alone. @return whether it is there */
    boolean hasOnly(String headerName, String value) {
        Optional<String> found = call.findHeader(headerName);
        found.filter(each -> !each.equals(value)).ifPresent(each -> {
            throw EbsFailure.invalidParameter(headerName, value, each);
        });
        return found.isPresent();
    }
}
