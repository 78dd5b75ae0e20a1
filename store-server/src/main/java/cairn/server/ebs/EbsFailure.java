package cairn.server.ebs;

import cairn.StoreException;
import cairn.Text;
import cairn.server.http.HttpReply;
import cairn.sigv4.SigV4Exception;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** A failure as EBS direct tells it: a type in a header, a reason and a message in the body. */
final class EbsFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;
    /** What the API's model lets a message have. */
    private static final int MESSAGE_CHARS_MAX = 256;
    private static final String TYPE_HEADER = "x-amzn-ErrorType";

    /** The types, each with its status. */
    enum Type {
        VALIDATION("ValidationException", 400),
        NOT_FOUND("ResourceNotFoundException", 404),
        ACCESS_DENIED("AccessDeniedException", 403),
        THROTTLED("RequestThrottledException", 400),
        CONCURRENT_LIMIT("ConcurrentLimitExceededException", 400),
        CONFLICT("ConflictException", 409),
        INTERNAL("InternalServerException", 500),
        // What AWS answers before it knows operation or caller; not in the API's model.
        UNKNOWN_OPERATION("UnknownOperationException", 404),
        MISSING_AUTHENTICATION("MissingAuthenticationToken", 403),
        INCOMPLETE_SIGNATURE("IncompleteSignature", 400),
        WRONG_SIGNATURE("SignatureDoesNotMatch", 403),
        UNKNOWN_KEY("InvalidClientTokenId", 403),
        EXPIRED("RequestExpired", 400),
        OTHER_PAYLOAD("XAmzContentSHA256Mismatch", 400);

        private final String wireName;
        private final int status;

        Type(String wireName, int status) {
            this.wireName = wireName;
            this.status = status;
        }
    }

    /** Why, for machines: those of the model's reasons that occur here. */
    enum Reason {
        INVALID_CUSTOMER_KEY,
        INVALID_PAGE_TOKEN,
        INVALID_BLOCK_TOKEN,
        INVALID_SNAPSHOT_ID,
        UNRELATED_SNAPSHOTS,
        INVALID_BLOCK,
        INVALID_CONTENT_ENCODING,
        INVALID_TAG,
        INVALID_PARAMETER_VALUE,
        INVALID_VOLUME_SIZE,
        WRITE_REQUEST_TIMEOUT,
        SNAPSHOT_NOT_FOUND,
        DEPENDENCY_RESOURCE_NOT_FOUND,
        UNAUTHORIZED_ACCOUNT,
        DEPENDENCY_ACCESS_DENIED,
        RESOURCE_LEVEL_THROTTLE
    }

    private final Type type;
    private final transient Optional<Reason> reason;

    EbsFailure(Type type, Reason reason, String message) {
        this(type, Optional.of(reason), message);
    }

    /** One of a type that has no reasons. */
    EbsFailure(Type type, String message) {
        this(type, Optional.empty(), message);
    }

    private EbsFailure(Type type, Optional<Reason> reason, String message) {
        super(message, null, false, false);
        this.type = type;
        this.reason = reason;
    }

    static EbsFailure invalid(Reason reason, String message) {
        return new EbsFailure(Type.VALIDATION, reason, message);
    }

    /** A parameter that is not what it must be. */
    static EbsFailure invalidParameter(String name, String expected, String value) {
        return invalid(Reason.INVALID_PARAMETER_VALUE, name + " is " + expected + ", not \"" + Text.shown(value) + '"');
    }

    static EbsFailure missing(String name) {
        return invalid(Reason.INVALID_PARAMETER_VALUE, name + " is missing");
    }

    /** What the refusal of a request means that the store itself has told. Empty for a failure of the server's. */
    static Optional<EbsFailure> of(StoreException refused) {
        String message = refused.getMessage();
        return Optional.ofNullable(switch (refused.fault()) {
            case INVALID_REQUEST, TOO_LARGE -> invalid(Reason.INVALID_PARAMETER_VALUE, message);
            case NOT_FOUND -> new EbsFailure(Type.NOT_FOUND, Reason.SNAPSHOT_NOT_FOUND, message);
            case FORBIDDEN, UNAUTHENTICATED -> new EbsFailure(Type.ACCESS_DENIED, Reason.UNAUTHORIZED_ACCOUNT, message);
            case CONFLICT -> invalid(Reason.INVALID_SNAPSHOT_ID, message);
            case UNAVAILABLE -> new EbsFailure(Type.THROTTLED, Reason.RESOURCE_LEVEL_THROTTLE, message);
            case NO_SPACE, CORRUPT, SHUTTING_DOWN, INTERNAL -> null;
        });
    }

    /** A request that was not proven to come from a known key, now and for this door. */
    static EbsFailure of(SigV4Exception refused) {
        Type type = switch (refused.why()) {
            case MISSING_AUTHENTICATION -> Type.MISSING_AUTHENTICATION;
            case UNKNOWN_KEY, SESSION_TOKEN -> Type.UNKNOWN_KEY;
            case CLOCK_SKEWED, NOT_YET_VALID, EXPIRED -> Type.EXPIRED;
            case PAYLOAD_MISMATCH -> Type.OTHER_PAYLOAD;
            case WRONG_SIGNATURE, WRONG_SERVICE, WRONG_REGION, DATE_NOT_OF_SCOPE, HEADER_NOT_SIGNED,
                    SIGNED_HEADER_ABSENT -> Type.WRONG_SIGNATURE;
            default -> Type.INCOMPLETE_SIGNATURE;
        };
        return new EbsFailure(type, refused.getMessage());
    }

    HttpReply reply() {
        Map<String, Object> body = new LinkedHashMap<>();
        String message = getMessage();
        body.put("Message", message.length() <= MESSAGE_CHARS_MAX ? message : message.substring(0, MESSAGE_CHARS_MAX));
        reason.ifPresent(each -> body.put("Reason", each.name()));
        return new HttpReply(type.status, EbsJson.TYPE, EbsJson.encode(body), Map.of(TYPE_HEADER, type.wireName));
    }
}
