package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.SetClock;
import cairn.server.account.Caller;
import cairn.server.account.SignedTokens;
import cairn.server.storage.DomainId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class PagesTest {
    private static final Caller CALLER =
            new Caller(new AccountId("123456789012"), new DomainId(2), false, Optional.of(Region.LOCAL));

    private final SetClock clock = new SetClock();
    private final Pages pages = new Pages(new SignedTokens(new byte[32], clock), clock);
    private final OperationDescription operation = Descriptions.read().find("DescribeTags").orElseThrow();

    private Ec2Request request(Optional<Integer> itemsMax, Optional<String> token) {
        TreeMap<String, String> parameters = new TreeMap<>();
        itemsMax.ifPresent(max -> parameters.put("MaxResults", Integer.toString(max)));
        token.ifPresent(text -> parameters.put("NextToken", text));
        Arguments arguments = new ArgumentReader(operation).read(ParameterTree.of(parameters));
        return new Ec2Request(operation.name(), CALLER, "request", "localhost", arguments, "digest");
    }

    private static List<String> keys(int count) {
        return IntStream.range(0, count).mapToObj(i -> String.format("key%05d", i)).toList();
    }

    private Pages.Page page(Ec2Request request, Stream<String> keys, String filling) {
        return pages.page(
                request, keys, key -> key, key -> Answer.of().put("key", key).put("value", filling));
    }

    private List<String> allOf(List<String> keys, Optional<Integer> itemsMax, String filling, AtomicInteger pagesRead) {
        List<String> all = new ArrayList<>();
        Optional<String> token = Optional.empty();
        do {
            Pages.Page page = page(request(itemsMax, token), keys.stream(), filling);
            page.items().forEach(item -> all.add((String) item.members().get("key")));
            token = page.nextToken();
            pagesRead.incrementAndGet();
        } while (token.isPresent());
        return all;
    }

    @Test
    void givesEveryItemOnce() {
        for (int count : List.of(0, 1, 9, 10, 11, 20, 2001)) {
            AtomicInteger pagesRead = new AtomicInteger();

            assertEquals(keys(count), allOf(keys(count), Optional.of(10), "", pagesRead));

            assertEquals(Math.max(1, (count + 9) / 10), pagesRead.get());
        }
    }

    @Test
    void endsAPageThatGrowsLong() {
        AtomicInteger pagesRead = new AtomicInteger();

        assertEquals(keys(1000), allOf(keys(1000), Optional.empty(), "x".repeat(10_000), pagesRead));

        assertTrue(pagesRead.get() > 1 && pagesRead.get() < 10, "pages: " + pagesRead);
    }

    @Test
    void readsNoFurtherThanThePage() {
        AtomicInteger read = new AtomicInteger();

        page(request(Optional.of(10), Optional.empty()), keys(1000).stream().peek(key -> read.incrementAndGet()), "");

        assertEquals(11, read.get());
    }

    @Test
    void goesOnBehindItemsThatAreGone() {
        List<String> keys = new ArrayList<>(keys(30));
        Optional<String> token =
                page(request(Optional.of(10), Optional.empty()), keys.stream(), "").nextToken();
        keys.subList(5, 15).clear();
        keys.add(0, "jay");

        Pages.Page second = page(request(Optional.of(10), token), keys.stream(), "");

        assertEquals("key00015", second.items().get(0).members().get("key"));
        assertEquals("key00009", pages.after(request(Optional.of(10), token)));
    }

    @Test
    void tokensEnd() {
        Optional<String> token =
                page(request(Optional.of(10), Optional.empty()), keys(30).stream(), "").nextToken();

        clock.forward(Duration.ofHours(23));
        pages.after(request(Optional.of(10), token));
        clock.forward(Duration.ofHours(1));

        Ec2Failure failure = assertThrows(Ec2Failure.class, () -> pages.after(request(Optional.of(10), token)));
        assertEquals("InvalidParameterValue", failure.code());
    }
}
