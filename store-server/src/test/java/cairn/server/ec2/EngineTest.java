package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.account.Caller;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import cairn.server.storage.DomainId;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The engine with an operation of its own, from a request's bytes to the answer's. */
class EngineTest {
    private static final String BAKE = """
            # Of no EC2.
            structure Layer
              Flavour  string(1..10) required
              Fruit    list(3) enum(apple|pear)
              refuse   Cream unless false: there is no cow
            structure Filter
              Name     string(1..255) required
              Value    list(200) string(0..255) required
            structure Tag
              Key      string(1..127) required
              Value    string(0..256)
            structure Plate
              Size     integer(1..9)
            answer Slice
              crumbs   integer
              eatenAt  time
              isLast   boolean
              names    list string
            operation Bake
              about    Bakes a cake.
              complete
              Name     string(3..20) required
              Layer    list(2) Layer
              Plate    Plate
              Picture  blob(4)
              From     time
              Oven     id(image)
              refuse   Candle Sparkler: fire is dangerous
              ignore   Wish: nobody hears it
              exclusive  Picture From
              pages(5..10)
              tags(image|volume)
              filters  colour tag:KEY
                       tag-key
              -> slices   list Slice
              -> slice    Slice
              -> comment  string
            operation Burn
              about    Burns it.
              complete
            operation Freeze
              about    Freezes it.
              refused  It is too warm.
            """;
    private static final Caller CALLER =
            new Caller(new AccountId("123456789012"), new DomainId(2), false, Optional.of(Region.LOCAL));

    private Operation bake = request -> () -> Answer.of();
    private Operation burn = request -> () -> Answer.of();

    private HttpReply send(String action, String form) {
        Operations operations = new Operations(Descriptions.of(Map.of("bakery", BAKE)));
        operations.add("Bake", request -> bake.prepare(request));
        operations.add("Burn", request -> burn.prepare(request));
        String body = "Action=" + action + "&Version=2016-11-15" + form;
        HttpCall call = new HttpCall(
                CALLER,
                "request-7",
                "POST",
                "localhost:1",
                "/",
                Map.of(),
                Map.of(),
                body.getBytes(StandardCharsets.UTF_8));
        return new Ec2Door(operations).route("POST", "/").handler().answer(call).toCompletableFuture().join();
    }

    private String body(String action, String form) {
        return new String(send(action, form).body(), StandardCharsets.UTF_8);
    }

    private static String failure(String code, String message) {
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error><Code>" + code + "</Code><Message>"
                + message + "</Message></Error></Errors><RequestID>request-7</RequestID></Response>";
    }

    @Test
    void givesOperationsTheirArguments() {
        Arguments[] seen = new Arguments[1];
        bake = request -> {
            seen[0] = request.arguments();
            return () -> Answer.of();
        };

        body("Bake", "&Name=a%20b+c&Layer.1.Flavour=x&Layer.2.Flavour=y&Layer.2.Fruit.1=pear&Layer.2.Fruit.2=apple"
                + "&Plate.Size=7&Picture=AAEC&Oven=ami-12345678&Wish.1.Big=yes&MaxResults=5&Layer.1.Cream=false"
                + "&Filter.1.Name=tag%3AName&Filter.1.Value.1=a&Filter.1.Value.2=b"
                + "&TagSpecification.1.ResourceType=image&TagSpecification.1.Tag.1.Key=k"
                + "&TagSpecification.2.ResourceType=volume&TagSpecification.2.Tag.1.Key=k&TagSpecification.2.Tag.1.Value=v");

        Arguments arguments = seen[0];
        assertEquals("a b c", arguments.text("Name"));
        assertEquals(List.of("pear", "apple"), arguments.structures("Layer").get(1).texts("Fruit"));
        assertEquals(List.of(), arguments.structures("Layer").get(0).texts("Fruit"));
        assertEquals(7, arguments.findStructure("Plate").orElseThrow().number("Size"));
        assertArrayEquals(new byte[] {0, 1, 2}, arguments.findBytes("Picture").orElseThrow());
        assertEquals(Optional.empty(), arguments.findTime("From"));
        assertEquals(OptionalLong.of(5), arguments.findNumber("MaxResults"));
        assertTrue(arguments.has("Oven"));
        assertFalse(arguments.flag("DryRun", false));
        assertEquals(Map.of("tag:Name", List.of("a", "b")), arguments.filters());
        assertEquals(Map.of("k", ""), Tags.asked(arguments, ResourceKind.IMAGE));
        assertEquals(Map.of("k", "v"), Tags.asked(arguments, ResourceKind.VOLUME));
        assertThrows(IllegalStateException.class, () -> arguments.findText("Nmae"));
    }

    @Test
    void writesAnswersAsTheyAreDescribed() {
        bake = request -> () -> Answer.of()
                .put("comment", "<\u0001&\r\n>")
                .put("slices", List.of(
                        Answer.of()
                                .put("isLast", true)
                                .put("crumbs", 3)
                                .put("eatenAt", Instant.parse("2026-11-23T10:44:09Z"))
                                .put("names", List.of("a", "b")),
                        Answer.of().put("names", List.of()).put("crumbs", Optional.empty())));

        assertEquals(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
                        + "<BakeResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>request-7</requestId>"
                        + "<slices><item><crumbs>3</crumbs><eatenAt>2026-11-23T10:44:09.000Z</eatenAt><isLast>true</isLast>"
                        + "<names><item>a</item><item>b</item></names></item><item><names></names></item></slices>"
                        + "<comment>&lt;\uFFFD&amp;&#13;\n&gt;</comment></BakeResponse>",
                body("Bake", "&Name=cake"));
    }

    @Test
    void answersTrueWhereNothingIsDescribed() {
        assertEquals(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
                        + "<BurnResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>request-7</requestId>"
                        + "<return>true</return></BurnResponse>",
                body("Burn", ""));
    }

    @Test
    void anAnswerThatIsNotAsDescribedIsAFaultOfOurs() {
        burn = request -> () -> Answer.of().put("ash", "grey");
        assertEquals(500, send("Burn", "").status());

        bake = request -> () -> Answer.of().put("comment", 7);
        assertEquals(500, send("Bake", "&Name=cake").status());
    }

    @Test
    void aDryRunPreparesAndDoesNotApply() {
        AtomicInteger prepared = new AtomicInteger();
        AtomicInteger applied = new AtomicInteger();
        burn = request -> {
            prepared.incrementAndGet();
            return () -> {
                applied.incrementAndGet();
                return Answer.of();
            };
        };

        HttpReply dry = send("Burn", "&DryRun=true");
        HttpReply wet = send("Burn", "&DryRun=false");

        assertEquals(412, dry.status());
        assertEquals(
                failure("DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
                new String(dry.body(), StandardCharsets.UTF_8));
        assertEquals(200, wet.status());
        assertEquals(2, prepared.get());
        assertEquals(1, applied.get());
    }

    @Test
    void tellsFailuresInTheirOwnCodes() {
        assertTold(400, "InvalidParameterValue", "odd", new StoreException(Fault.INVALID_REQUEST, "odd"));
        assertTold(403, "UnauthorizedOperation", "no", new StoreException(Fault.FORBIDDEN, "no"));
        assertTold(400, "IncorrectState", "taken", new StoreException(Fault.CONFLICT, "taken"));
        assertTold(503, "Unavailable", "later", new StoreException(Fault.SHUTTING_DOWN, "later"));
        assertTold(
                400,
                "InvalidAMIID.NotFound",
                "The image id '[ami-0123456789abcdef0]' does not exist",
                new StoreException(Fault.NOT_FOUND, "there is no image ami-0123456789abcdef0"));
        assertTold(
                400,
                "InvalidSnapshot.NotFound",
                "The snapshot 'snap-0123456789abcdef0' does not exist.",
                new StoreException(Fault.NOT_FOUND, "there is no snapshot snap-0123456789abcdef0"));
        String secret = "An internal error has occurred; the server's log says why";
        assertTold(500, "InternalError", secret, new StoreException(Fault.CORRUPT, "secret"));
        assertTold(500, "InternalError", secret, new IllegalStateException("secret"));
        assertTold(500, "InternalError", secret, new StackOverflowError("secret"));
    }

    private void assertTold(int status, String code, String message, Throwable thrown) {
        burn = request -> {
            if (thrown instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) thrown;
        };

        HttpReply reply = send("Burn", "");

        assertEquals(failure(code, message), new String(reply.body(), StandardCharsets.UTF_8));
        assertEquals(status, reply.status());
    }

    @Test
    void tellsWhatIsWrongWithParameters() {
        assertEquals(
                failure("MissingParameter", "The request must contain the parameter Name"), body("Bake", ""));
        assertEquals(
                failure("MissingParameter", "The request must contain the parameter Layer.2.Flavour"),
                body("Bake", "&Name=cake&Layer.1.Flavour=x&Layer.2.Fruit.1=pear"));
        assertEquals(
                failure("UnknownParameter", "The parameter Layer.1.Colour is not recognized"),
                body("Bake", "&Name=cake&Layer.1.Colour=red"));
        assertEquals(
                failure("UnsupportedOperation", "The parameter Candle is not supported: fire is dangerous"),
                body("Bake", "&Name=cake&Candle.1.Lit=true"));
        assertEquals(
                failure("UnsupportedOperation", "The parameter Layer.1.Cream is not supported: there is no cow"),
                body("Bake", "&Name=cake&Layer.1.Flavour=x&Layer.1.Cream=true"));
        assertEquals(
                failure("InvalidParameterCombination", "The parameter Picture cannot be used with the parameter From"),
                body("Bake", "&Name=cake&Picture=AAAA&From=2030-01-01T00:00:00Z"));
        assertEquals(
                failure("InvalidAMIID.Malformed", "Invalid id: \"oven\" (expecting \"ami-...\")"),
                body("Bake", "&Name=cake&Oven=oven"));
        assertEquals(
                failure("InvalidParameterValue", "The filter 'size' is invalid"),
                body("Bake", "&Name=cake&Filter.1.Name=size&Filter.1.Value.1=1"));
        assertEquals(
                failure("InvalidParameterValue", "The filter 'tag:' is invalid"),
                body("Bake", "&Name=cake&Filter.1.Name=tag%3A&Filter.1.Value.1=1"));
        assertEquals(
                failure("UnsupportedOperation", "The action Freeze is not supported: It is too warm."), body("Freeze", ""));
    }

    @Test
    void timesAreTakenWithAndWithoutFractionsAndInOtherZones() {
        for (String time : List.of("2030-01-01T00:00:00Z", "2030-01-01T00:00:00.000Z", "2030-01-01T02:00%2B02:00")) {
            Instant[] seen = new Instant[1];
            bake = request -> {
                seen[0] = request.arguments().findTime("From").orElseThrow();
                return () -> Answer.of();
            };

            assertEquals(200, send("Bake", "&Name=cake&From=" + time).status());

            assertEquals(Instant.parse("2030-01-01T00:00:00Z"), seen[0]);
        }
    }

    @Test
    void theDigestNamesAllButThePage() {
        String[] seen = new String[1];
        bake = request -> {
            seen[0] = request.digest();
            return () -> Answer.of();
        };

        body("Bake", "&Name=cake&MaxResults=5");
        String first = seen[0];
        body("Bake", "&MaxResults=6&Name=cake");
        assertEquals(first, seen[0]);
        body("Bake", "&Name=cakes");
        assertFalse(first.equals(seen[0]));
    }

    @Test
    void refusesDescriptionsThatMakeNoSense() {
        assertWrong("bakery.operations:1", "cake Chocolate");
        assertWrong("bakery.operations:2", "operation Bake\n  Name colour");
        assertWrong("bakery.operations:3", "operation Bake\n  about x.\n  -> slice Slice");
        assertWrong("bakery.operations:2", "structure A\n  B B required\nstructure B\n  A A\noperation X\n  A A");
        assertWrong("bakery.operations:1", "operation Bake\n  about It.");
        assertWrong("bakery.operations:2", "operation Bake\n  refuse Candle");
        assertWrong("bakery.operations:1", "  about x");
        assertWrong("bakery.operations:2", "answer A\nanswer A");
    }

    private static void assertWrong(String place, String text) {
        IllegalStateException wrong = assertThrows(
                IllegalStateException.class, () -> Descriptions.of(Map.of("bakery", text)));
        assertTrue(wrong.getMessage().startsWith(place + ':') || wrong.getMessage().contains("holds itself"),
                wrong.getMessage());
    }

    @Test
    void whatIsDescribedMustBeAnsweredAndTheOtherWayRound() {
        Operations operations = new Operations(Descriptions.of(Map.of("bakery", BAKE)));
        assertThrows(IllegalStateException.class, () -> new Ec2Door(operations));
        assertThrows(IllegalStateException.class, () -> operations.add("Boil", bake));
        assertThrows(IllegalStateException.class, () -> operations.add("Freeze", bake));
        operations.add("Bake", bake);
        assertThrows(IllegalStateException.class, () -> operations.add("Bake", bake));
        assertThrows(IllegalStateException.class, () -> operations.filters("Bake", Map.of(), each -> Map.of()));
    }
}
