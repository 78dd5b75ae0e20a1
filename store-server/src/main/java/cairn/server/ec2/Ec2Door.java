package cairn.server.ec2;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpDoor;
import cairn.server.http.HttpReply;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The door of EC2's query API: parameters in, XML out. */
public final class Ec2Door implements HttpDoor {
    static final String VERSION = "2016-11-15";

    private static final Logger log = LoggerFactory.getLogger(Ec2Door.class);
    private static final String SERVICE = "ec2";
    private static final String PATH = "/";
    private static final int REQUEST_BYTES_MAX = 1 << 20;
    private static final int REPLY_BYTES_MAX = 8 << 20;
    private static final String XML_TYPE = "text/xml;charset=UTF-8";
    private static final String FORM_TYPE = "application/x-www-form-urlencoded";
    private static final String ACTION = "Action";
    private static final String VERSION_NAME = "Version";
    private static final Pattern VERSION_FORM = Pattern.compile("20[0-9]{2}-[0-9]{2}-[0-9]{2}");
    private static final String SIGNATURE_PREFIX = "X-Amz-";
    private static final char REPLACEMENT = '\uFFFD';
    /** What may change from page to page of one list. */
    private static final Set<String> OF_NO_CONTENT =
            Set.of(Descriptions.MAX_RESULTS, Descriptions.NEXT_TOKEN, Descriptions.DRY_RUN, ACTION, VERSION_NAME);

    private final Operations operations;

    /** @throws IllegalStateException if an operation is described, and nothing answers it */
    public Ec2Door(Operations operations) {
        operations.requireAll();
        this.operations = operations;
    }

    @Override
    public String service() {
        return SERVICE;
    }

    @Override
    public boolean serves(String path) {
        return path.equals(PATH);
    }

    @Override
    public Route route(String method, String path) {
        if (!method.equals("POST") && !method.equals("GET")) {
            throw new StoreException(
                    Fault.INVALID_REQUEST, "there is no " + Text.shown(method) + " in EC2's query API");
        }
        return new Route(
                REQUEST_BYTES_MAX, REPLY_BYTES_MAX, call -> CompletableFuture.completedFuture(answerOrFailure(call)));
    }

    private HttpReply answerOrFailure(HttpCall call) {
        try {
            return answer(call);
        } catch (RuntimeException | StackOverflowError e) {
            return failed(e, call.requestId());
        }
    }

    private HttpReply answer(HttpCall call) {
        SortedMap<String, String> parameters = parameters(call);
        OperationDescription operation = operations.readable(action(parameters));
        requireVersion(parameters);
        String digest = digest(operation, parameters);
        parameters.keySet().removeAll(Set.of(ACTION, VERSION_NAME));
        Arguments arguments = new ArgumentReader(operation).read(ParameterTree.of(parameters));
        Answer answer = operations.answer(new Ec2Request(
                operation.name(), call.caller(), call.requestId(), call.host(), arguments, digest));
        return HttpReply.of(XML_TYPE, AnswerWriter.answer(operation, call.requestId(), answer));
    }

    /** Those of the body, and those of the query that are not its signature. */
    private static SortedMap<String, String> parameters(HttpCall call) {
        SortedMap<String, String> parameters = new TreeMap<>();
        call.query().forEach((name, values) -> {
            if (!name.startsWith(SIGNATURE_PREFIX)) {
                values.forEach(value -> QueryText.add(parameters, requireText(name), requireText(value)));
            }
        });
        if (call.body().length > 0) {
            requireForm(call);
            QueryText.read(call.body(), parameters);
        }
        return parameters;
    }

    /** A query was decoded where it came in; what was no UTF-8 in it has been replaced. */
    private static String requireText(String decoded) {
        if (decoded.indexOf(REPLACEMENT) >= 0) {
            throw new Ec2Failure("MalformedQueryString", "The query string contains a syntax error: it is not UTF-8");
        }
        return decoded;
    }

    private static void requireForm(HttpCall call) {
        String type = call.findHeader("content-type").orElse(FORM_TYPE).toLowerCase(Locale.ROOT);
        String[] parts = type.split(";", 2);
        boolean isUtf8 = parts.length == 1
                || parts[1].isBlank()
                || parts[1].strip().matches("charset=\"?(?:utf-8|us-ascii)\"?;?");
        if (!parts[0].strip().equals(FORM_TYPE) || !isUtf8) {
            throw new Ec2Failure(
                    "InvalidRequest", "The request's content is " + FORM_TYPE + " in UTF-8, not " + Text.shown(type));
        }
    }

    private static String action(Map<String, String> parameters) {
        String action = parameters.getOrDefault(ACTION, "");
        if (action.isEmpty()) {
            throw new Ec2Failure("MissingAction", "The request is missing an action or a required parameter");
        }
        return action;
    }

    /** Older ones are taken: their operations are a part of this one's. */
    private static void requireVersion(Map<String, String> parameters) {
        String version = parameters.get(VERSION_NAME);
        if (version == null) {
            throw Ec2Failure.missing(VERSION_NAME);
        }
        if (!VERSION_FORM.matcher(version).matches() || version.compareTo(VERSION) > 0) {
            throw new Ec2Failure(
                    "NoSuchVersion",
                    "There is no version " + Text.shown(version) + " here; " + VERSION + " is the last");
        }
    }

    /** Of what is asked for: what the operation passes over may be another when a request is repeated. */
    private static String digest(OperationDescription operation, SortedMap<String, String> parameters) {
        Set<String> passed = operation.parameters().passed().keySet();
        StringBuilder text = new StringBuilder();
        parameters.forEach((name, value) -> {
            if (!OF_NO_CONTENT.contains(name) && !passed.contains(name.split("\\.", 2)[0])) {
                text.append(name.length()).append(':').append(name).append(value.length()).append(':').append(value);
            }
        });
        return Digest.of(text.toString().getBytes(StandardCharsets.UTF_8)).toString();
    }

    @Override
    public HttpReply failed(Throwable failure, String requestId) {
        Ec2Failure told = Ec2Failure.of(failure);
        if (told.status() >= 500) {
            log.error("EC2 request {} failed", requestId, failure);
        } else {
            log.debug("EC2 request {} refused: {} {}", requestId, told.code(), told.getMessage());
        }
        return new HttpReply(told.status(), XML_TYPE, AnswerWriter.failure(told, requestId), Map.of());
    }
}
