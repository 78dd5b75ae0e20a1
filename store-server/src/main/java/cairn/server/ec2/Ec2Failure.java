package cairn.server.ec2;

import static java.util.Map.entry;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.sigv4.SigV4Exception;
import cairn.sigv4.SigV4Fault;
import java.util.Map;
import java.util.Objects;

/**
 * A failure as EC2 tells it. Apart from {@link StoreException} because EC2 has a code of its own for almost everything
 * that can be wrong.
 *
 * @see <a href="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html">EC2's error codes</a>
 */
public final class Ec2Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final int BAD_REQUEST = 400;
    /** All others are {@link #BAD_REQUEST}. */
    private static final Map<String, Integer> STATUS = Map.ofEntries(
            entry("AuthFailure", 401),
            entry("MissingAuthenticationToken", 403),
            entry("UnauthorizedOperation", 403),
            entry("DryRunOperation", 412),
            entry("RequestEntityTooLarge", 413),
            entry("InternalError", 500),
            entry("RequestLimitExceeded", 503),
            entry("Unavailable", 503));

    private final String code;

    public Ec2Failure(String code, String message) {
        // It tells what a peer did wrong, as often as the peer likes: no stack is walked for that.
        super(message, null, false, false);
        this.code = Objects.requireNonNull(code);
    }

    public String code() {
        return code;
    }

    int status() {
        return STATUS.getOrDefault(code, BAD_REQUEST);
    }

    /** A parameter's value that is not what is expected. @param why a sentence, without its period */
    static Ec2Failure invalidValue(String parameter, String value, String why) {
        return new Ec2Failure(
                "InvalidParameterValue",
                "Value (" + Text.shown(value) + ") for parameter " + parameter + " is invalid. " + why + '.');
    }

    static Ec2Failure missing(String parameter) {
        return new Ec2Failure("MissingParameter", "The request must contain the parameter " + parameter);
    }

    /** What went wrong, seen from outside. A failure of ours keeps its message to itself. */
    static Ec2Failure of(Throwable failure) {
        Throwable cause = Fault.cause(failure);
        if (cause instanceof Ec2Failure e) {
            return e;
        }
        if (cause instanceof SigV4Exception e) {
            return new Ec2Failure(code(e.why()), e.getMessage());
        }
        if (cause instanceof StoreException e) {
            return of(e);
        }
        return internal();
    }

    private static Ec2Failure of(StoreException e) {
        return switch (e.fault()) {
            case INVALID_REQUEST -> new Ec2Failure("InvalidParameterValue", e.getMessage());
            case UNAUTHENTICATED -> new Ec2Failure("AuthFailure", e.getMessage());
            case FORBIDDEN -> new Ec2Failure("UnauthorizedOperation", e.getMessage());
            case NOT_FOUND -> ResourceKind.findIn(e.getMessage())
                    .orElseGet(() -> new Ec2Failure("InvalidParameterValue", e.getMessage()));
            case CONFLICT -> new Ec2Failure("IncorrectState", e.getMessage());
            case TOO_LARGE -> new Ec2Failure("RequestEntityTooLarge", e.getMessage());
            case UNAVAILABLE, SHUTTING_DOWN -> new Ec2Failure("Unavailable", e.getMessage());
            case NO_SPACE, CORRUPT, INTERNAL -> internal();
        };
    }

    private static Ec2Failure internal() {
        return new Ec2Failure("InternalError", "An internal error has occurred; the server's log says why");
    }

    private static String code(SigV4Fault why) {
        return switch (why) {
            case MISSING_AUTHENTICATION -> "MissingAuthenticationToken";
            case CLOCK_SKEWED, NOT_YET_VALID, EXPIRED -> "RequestExpired";
            case UNKNOWN_KEY, WRONG_SIGNATURE, WRONG_SERVICE, WRONG_REGION, SESSION_TOKEN, PAYLOAD_MISMATCH, DATE_NOT_OF_SCOPE,
                    HEADER_NOT_SIGNED, SIGNED_HEADER_ABSENT -> "AuthFailure";
            case MALFORMED_REQUEST -> "MalformedQueryString";
            case LIMIT_EXCEEDED, PAYLOAD_HASH_MALFORMED, EXPIRES_MALFORMED -> "InvalidParameterValue";
            case STREAMING_PAYLOAD -> "UnsupportedOperation";
            case MALFORMED_AUTHENTICATION, AMBIGUOUS_AUTHENTICATION, UNKNOWN_ALGORITHM, MALFORMED_SCOPE, DATE_MISSING,
                    DATE_MALFORMED, HOST_NOT_SIGNED, PAYLOAD_HASH_MISSING -> "IncompleteSignature";
        };
    }
}
