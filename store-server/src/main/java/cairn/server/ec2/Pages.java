package cairn.server.ec2;

import cairn.StoreException;
import cairn.server.account.SignedTokens;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Gives out lists a page at a time. A page's token says behind which item it begins, so that what comes and goes
 * meanwhile moves nothing else; it is good for the same request of the same account in the same region.
 */
public final class Pages {
    /** Items of a page where the request asks for no number. */
    public static final int ITEMS_MAX = 1000;

    /** A page ends early where it grows longer than this. */
    private static final long PAGE_BYTES = 4L << 20;
    private static final Duration GOOD_FOR = Duration.ofHours(24);

    private final SignedTokens tokens;
    private final Clock clock;

    public Pages(SignedTokens tokens, Clock clock) {
        this.tokens = tokens;
        this.clock = clock;
    }

    /** @param nextToken empty behind the last page */
    public record Page(List<Answer> items, Optional<String> nextToken) {}

    /**
     * The page that a request asks for.
     *
     * @param items all of them, or those behind {@link #after}, in the order of their keys
     * @param key names an item among them, in at most 600 bytes
     * @param shown makes the answer's item
     * @throws Ec2Failure InvalidParameterValue for a token that is not good here
     */
    public <T> Page page(Ec2Request request, Stream<T> items, Function<T, String> key, Function<T, Answer> shown) {
        String after = after(request);
        long itemsMax = request.arguments().findNumber(Descriptions.MAX_RESULTS).orElse(ITEMS_MAX);
        List<Answer> page = new ArrayList<>();
        String last = "";
        long bytes = 0;
        Iterator<T> rest = items.iterator();
        while (rest.hasNext()) {
            T item = rest.next();
            String itemKey = key.apply(item);
            if (itemKey.compareTo(after) <= 0) {
                continue;
            }
            if (page.size() == itemsMax || bytes >= PAGE_BYTES) {
                return new Page(page, Optional.of(token(request, last)));
            }
            Answer answer = shown.apply(item);
            page.add(answer);
            bytes += answer.estimatedBytes();
            last = itemKey;
        }
        return new Page(page, Optional.empty());
    }

    /** Behind which key the asked page begins: empty for the first one. @throws Ec2Failure InvalidParameterValue */
    public String after(Ec2Request request) {
        Optional<String> token = request.arguments().findText(Descriptions.NEXT_TOKEN);
        if (token.isEmpty()) {
            return "";
        }
        try {
            return new String(tokens.open(context(request), token.get()), StandardCharsets.UTF_8);
        } catch (StoreException e) {
            throw Ec2Failure.invalidValue(Descriptions.NEXT_TOKEN, token.get(), "The token is invalid");
        }
    }

    private String token(Ec2Request request, String last) {
        return tokens.issue(
                context(request), last.getBytes(StandardCharsets.UTF_8), clock.instant().plus(GOOD_FOR));
    }

    private static String context(Ec2Request request) {
        return String.join(
                "|",
                "ec2 page",
                request.operation(),
                request.caller().account().value(),
                request.caller().region().name(),
                request.digest());
    }
}
