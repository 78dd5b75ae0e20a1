package cairn.server.rbin;

import static java.util.concurrent.CompletableFuture.completedFuture;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.server.account.RetentionRules;
import cairn.server.account.SignedTokens;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpDoor;
import cairn.server.http.HttpReply;
import cairn.sigv4.SigV4Exception;
import java.util.Map;
import java.util.function.Function;

/** The Recycle Bin's API under {@code /rules}, {@code /list-rules} and {@code /tags}: finds what a request is for. */
public final class RbinDoor implements HttpDoor {
    private static final String RULES = "/rules";
    private static final String LIST = "/list-rules";
    private static final String TAGS = "/tags/";
    private static final String LOCK = "/lock";
    private static final String UNLOCK = "/unlock";
    /** 200 tags and 55 tags to match, of the longest keys and values, every character escaped. */
    private static final int REQUEST_BYTES_MAX = 1 << 20;
    private static final int REPLY_BYTES_MAX = 1 << 20;

    private final RuleOperations operations;

    public RbinDoor(RetentionRules rules, SignedTokens tokens) {
        this.operations = new RuleOperations(rules, tokens);
    }

    @Override
    public String service() {
        return "rbin";
    }

    @Override
    public boolean serves(String path) {
        return path.equals(RULES) || path.startsWith(RULES + '/') || path.equals(LIST) || path.startsWith(TAGS);
    }

    @Override
    public Route route(String method, String path) {
        if (path.startsWith(TAGS)) {
            String arn = path.substring(TAGS.length());
            return switch (method) {
                case "GET" -> route(call -> operations.listTags(call, arn));
                case "POST" -> route(call -> operations.tag(call, arn));
                case "DELETE" -> route(call -> operations.untag(call, arn));
                default -> throw unknown(method, path);
            };
        }
        if (method.equals("POST") && path.equals(RULES)) {
            return route(operations::create);
        }
        if (method.equals("POST") && path.equals(LIST)) {
            return route(operations::list);
        }
        if (!path.startsWith(RULES + '/')) {
            throw unknown(method, path);
        }
        return ruleRoute(method, path, path.substring(RULES.length() + 1));
    }

    private Route ruleRoute(String method, String path, String rest) {
        if (method.equals("PATCH") && rest.endsWith(LOCK)) {
            return route(call -> operations.lock(call, rest.substring(0, rest.length() - LOCK.length())));
        }
        if (method.equals("PATCH") && rest.endsWith(UNLOCK)) {
            return route(call -> operations.unlock(call, rest.substring(0, rest.length() - UNLOCK.length())));
        }
        return switch (method) {
            case "GET" -> route(call -> operations.get(call, rest));
            case "PATCH" -> route(call -> operations.update(call, rest));
            case "DELETE" -> route(call -> operations.delete(call, rest));
            default -> throw unknown(method, path);
        };
    }

    private static StoreException unknown(String method, String path) {
        return new StoreException(
                Fault.NOT_FOUND, "there is no " + Text.shown(method) + " of " + Text.shown(path));
    }

    private static Route route(Function<HttpCall, HttpReply> operation) {
        return new Route(REQUEST_BYTES_MAX, REPLY_BYTES_MAX, call -> completedFuture(answer(operation, call)));
    }

    /** A refusal is an answer like others; what fails besides is told, and logged, as the server's own failure. */
    private static HttpReply answer(Function<HttpCall, HttpReply> operation, HttpCall call) {
        try {
            return operation.apply(call);
        } catch (RbinFailure refused) {
            return refused.reply();
        } catch (StoreException refused) {
            return RbinFailure.of(refused).map(RbinFailure::reply).orElseThrow(() -> refused);
        }
    }

    /** Refused before an operation was asked, or failed. */
    @Override
    public HttpReply failed(Throwable failure, String requestId) {
        Throwable cause = Fault.cause(failure);
        if (cause instanceof SigV4Exception unproven) {
            return RbinFailure.of(unproven).reply();
        }
        Fault fault = Fault.of(cause);
        if (fault == Fault.NOT_FOUND) {
            return RbinFailure.unknownOperation(cause.getMessage()).reply();
        }
        if (fault != Fault.INTERNAL && cause instanceof StoreException refused && RbinFailure.of(refused).isPresent()) {
            return RbinFailure.of(refused).get().reply();
        }
        return RbinFailure.internal(switch (fault) {
            case NO_SPACE -> "the store has no space left";
            case SHUTTING_DOWN -> "the server is going down; ask again later";
            case CORRUPT -> "what is stored is damaged; the server's log says more";
            default -> "the server failed; its log says why";
        }).reply();
    }

    static HttpReply json(int status, Object message) {
        return new HttpReply(status, RbinJson.TYPE, RbinJson.encode(message), Map.of());
    }
}
