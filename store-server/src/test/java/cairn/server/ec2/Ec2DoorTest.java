package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import cairn.server.AwsUser;
import cairn.server.TestStore;
import cairn.sigv4.Credentials;
import cairn.sigv4.PayloadHash;
import cairn.sigv4.SigV4Signer;
import cairn.sigv4.SignableRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What no SDK would send. */
class Ec2DoorTest {
    private static final String REGIONS = "Action=DescribeRegions&Version=2016-11-15";

    @TempDir
    private Path folder;

    private TestStore store;
    private QueryUser user;

    @BeforeEach
    void start() throws Exception {
        store = new TestStore(folder.resolve("data"));
        user = new QueryUser(store.root());
    }

    @AfterEach
    void stop() {
        store.close();
    }

    private void assertRefused(String form, String code) throws Exception {
        user.post(form).assertFailed(code, 400, form);
    }

    @Test
    void answersAFormAndAQuery() throws Exception {
        for (QueryUser.Reply reply : new QueryUser.Reply[] {user.post(REGIONS), user.get(REGIONS)}) {
            assertEquals(200, reply.status());
            assertEquals("DescribeRegionsResponse", reply.root());
            assertEquals("http://ec2.amazonaws.com/doc/2016-11-15/", reply.xml().getDocumentElement().getNamespaceURI());
            assertEquals("local", reply.text("regionName"));
            assertEquals(reply.requestId(), reply.text("requestId"));
            assertFalse(reply.requestId().isEmpty());
        }
    }

    @Test
    void takesParametersFromQueryAndBodyTogether() throws Exception {
        byte[] body = "RegionName.1=mars-1".getBytes(StandardCharsets.UTF_8);

        assertEquals("mars-1", user.send("POST", REGIONS, body, QueryUser.FORM).text("regionName"));
        user.send("POST", REGIONS, "Action=DescribeTags".getBytes(StandardCharsets.UTF_8), QueryUser.FORM)
                .assertFailed("InvalidQueryParameter", 400, "two actions");
    }

    @Test
    void tellsWhatIsWrongWithActionAndVersion() throws Exception {
        assertRefused("Version=2016-11-15", "MissingAction");
        assertRefused("", "MissingAction");
        assertRefused("Action=&Version=2016-11-15", "MissingAction");
        assertRefused("Action=BakeCake&Version=2016-11-15", "InvalidAction");
        assertRefused("Action=describeregions&Version=2016-11-15", "InvalidAction");
        assertRefused("Action=DescribeRegions", "MissingParameter");
        assertRefused("Action=DescribeRegions&Version=2031-01-01", "NoSuchVersion");
        assertRefused("Action=DescribeRegions&Version=latest", "NoSuchVersion");
        assertRefused("Action=DescribeRegions&Action=DescribeTags&Version=2016-11-15", "InvalidQueryParameter");
        assertEquals(200, user.post("Action=DescribeRegions&Version=2014-10-01").status());
    }

    @Test
    void passesOverEmptyPlacesBetweenParameters() throws Exception {
        assertEquals(200, user.post("&&" + REGIONS + "&").status());
        assertRefused(REGIONS + "&=1", "MalformedQueryString");
    }

    @Test
    void refusesBodiesThatAreNoForm() throws Exception {
        byte[] body = REGIONS.getBytes(StandardCharsets.UTF_8);

        user.send("POST", "", body, "application/json").assertFailed("InvalidRequest", 400, "JSON");
        user.send("POST", "", body, QueryUser.FORM.replace("utf-8", "utf-16")).assertFailed("InvalidRequest", 400, "UTF-16");
        assertEquals(200, user.send("POST", "", body, "").status());
        assertEquals(200, user.send("POST", "", body, "Application/X-WWW-form-urlencoded").status());
    }

    @Test
    void refusesOtherMethods() throws Exception {
        assertEquals(400, user.send("PUT", REGIONS, new byte[0], "").status());
    }

    @Test
    void refusesTooManyParametersAndTooLongBodies() throws Exception {
        String many = IntStream.rangeClosed(0, QueryText.PARAMETERS_MAX)
                .mapToObj(i -> "&x" + i + "=")
                .collect(Collectors.joining());
        assertRefused(REGIONS + many, "InvalidQueryParameter");

        QueryUser.Reply reply = user.post(REGIONS + "&x=" + "y".repeat(2 << 20));
        assertEquals(413, reply.status());
        assertEquals("RequestEntityTooLarge", reply.text("Code"));
    }

    @Test
    void refusesDeepNames() throws Exception {
        assertRefused(REGIONS + "&Filter" + ".1".repeat(100) + "=1", "UnknownParameter");
    }

    @Test
    void noTextOfAPeerBreaksTheAnswer() throws Exception {
        QueryUser.Reply reply = user.post(REGIONS + "&%01%3C%26%5D%5D%3E%EF%BF%BE=1");

        reply.assertFailed("UnknownParameter", 400, "odd characters");
        reply = user.post(REGIONS + "&RegionName.1=%3C%00%0D%0A%F0%9F%98%80");
        reply.assertFailed("InvalidParameterValue", 400, "odd characters in a value");
    }

    @Test
    void strangersAreToldNothing() throws Exception {
        AwsUser root = store.root();
        Credentials stranger = new Credentials("AKIAABCDEFGHIJKLMNOP", root.credentials().secretAccessKey());
        Credentials forger = new Credentials(root.credentials().accessKeyId(), "forged".repeat(7));

        for (Credentials each : new Credentials[] {stranger, forger}) {
            new QueryUser(new AwsUser(root.endpoint(), each, root.region()))
                    .post(REGIONS)
                    .assertFailed("AuthFailure", 401, "a key that is not known, or another's");
        }
    }

    @Test
    void signaturesOfAnotherTimeOrServiceAreRefused() throws Exception {
        AwsUser root = store.root();
        Clock late = Clock.offset(Clock.systemUTC(), Duration.ofMinutes(-20));

        new QueryUser(root, "ec2", late).post(REGIONS).assertFailed("RequestExpired", 400, "signed 20 minutes ago");
        new QueryUser(root, "s3", Clock.systemUTC()).post(REGIONS).assertFailed("AuthFailure", 401, "another service");
    }

    @Test
    void unsignedRequestsAreRefusedInEc2sForm() throws Exception {
        QueryUser.Reply reply = user.sendAsItIs("GET", REGIONS, new byte[0], List.of());

        reply.assertFailed("MissingAuthenticationToken", 403, "unsigned");
    }

    @Test
    void presignedRequestsAreAnswered() throws Exception {
        AwsUser root = store.root();
        String query = new SigV4Signer(root.credentials(), "local", "ec2", Clock.systemUTC()).presign(
                new SignableRequest(
                        "GET",
                        "/",
                        REGIONS,
                        List.of(new SignableRequest.Header("host", root.endpoint().getAuthority())),
                        PayloadHash.EMPTY),
                Duration.ofMinutes(1));

        assertEquals("local", user.sendAsItIs("GET", query, new byte[0], List.of()).text("regionName"));
    }
}
