import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.gm.GMNamedCurves;
import org.bouncycastle.asn1.x9.X9ECParameters;
import org.bouncycastle.crypto.CipherParameters;
import org.bouncycastle.crypto.CryptoException;
import org.bouncycastle.crypto.digests.SM3Digest;
import org.bouncycastle.crypto.engines.SM2Engine;
import org.bouncycastle.crypto.params.ECDomainParameters;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.params.ParametersWithID;
import org.bouncycastle.crypto.params.ParametersWithRandom;
import org.bouncycastle.crypto.signers.SM2Signer;
import org.bouncycastle.crypto.util.PrivateKeyFactory;
import org.bouncycastle.util.BigIntegers;
import org.bouncycastle.util.encoders.Hex;

/**
 * Client of the Fengsui national-crypto service: this file, Java 8 or later, BouncyCastle's bcprov.
 *
 * <p>Keys stay at the service; signatures are verified here or there. Signatures are DER,
 * ciphertexts 04‖x‖y‖C3‖C2. Every refusal is a {@link Refused} with a code to decide by. May be
 * shared between threads.
 */
public final class FengsuiClient {
    public static final String DEFAULT_ID = "1234567812345678";
    private static final String REQUEST_ID = "fengsui/request/1";
    private static final int ATTEMPTS_MAX = 4;
    private static final int TIMEOUT_MS = 10_000;
    private static final long WAIT_MS_MAX = 30_000;
    private static final X9ECParameters CURVE = GMNamedCurves.getByName("sm2p256v1");
    private static final ECDomainParameters DOMAIN =
            new ECDomainParameters(CURVE.getCurve(), CURVE.getG(), CURVE.getN(), CURVE.getH());
    private static final SecureRandom RANDOM = new SecureRandom();

    private final String base;
    private final String application;
    private final String token;
    private final ECPrivateKeyParameters key;

    /** What the service did not do. */
    public static final class Refused extends IOException {
        private static final long serialVersionUID = 1L;
        public final int status;
        public final String code;
        public final String problem;

        Refused(int status, String code, String problem) {
            super("status " + status + ": " + problem);
            this.status = status;
            this.code = code;
            this.problem = problem;
        }
    }

    /** A signature in DER, and which version of the key made it. */
    public static final class Signature {
        public final byte[] signature;
        public final int version;

        Signature(byte[] signature, int version) {
            this.signature = signature;
            this.version = version;
        }
    }

    /** By token, or by a key that signs each request: one of the two is null. */
    public FengsuiClient(String base, String application, String token, ECPrivateKeyParameters key) {
        if ((token == null) == (key == null)) {
            throw new IllegalArgumentException("a client has one credential: token or key");
        }
        this.base = base.replaceAll("/+$", "");
        this.application = application;
        this.token = token;
        this.key = key;
    }

    public Signature sign(String name, byte[] message) throws IOException {
        String made = call("/v1/crypto/sign", named(name) + field("message", message) + "}");
        return new Signature(unbase64(text(made, "signature")), Integer.parseInt(text(made, "version")));
    }

    /** Returns only for a valid signature of a key of the service. */
    public void verify(String name, byte[] message, byte[] signature) throws IOException {
        call("/v1/crypto/verify", named(name) + field("message", message) + ","
                + field("signature", signature) + "}");
    }

    /** Returns only for a valid signature of another public key. */
    public void verify(ECPublicKeyParameters other, byte[] message, byte[] signature) throws IOException {
        call("/v1/crypto/verify", "{" + field("public_key", point(other)) + "," + field("message", message)
                + "," + field("signature", signature) + "}");
    }

    /** Opens what {@link #encryptLocally} made. */
    public byte[] decrypt(String name, byte[] ciphertext) throws IOException {
        return unbase64(text(call("/v1/crypto/decrypt", named(name) + "\"form\":\"c1c3c2\","
                + field("ciphertext", ciphertext) + "}"), "plaintext"));
    }

    public byte[] digest(byte[] message) throws IOException {
        return unbase64(text(call("/v1/crypto/digest", "{" + field("message", message) + "}"), "digest"));
    }

    /** The public half of a version of a key, the newest for 0. Keep it: it never changes. */
    public ECPublicKeyParameters publicKey(String name, int version) throws IOException {
        String said = call("/v1/crypto/keys/" + name, null);
        Matcher one = Pattern.compile("\\{\"version\":(\\d+),[^}]*\"public_key\":\"([0-9a-f]{130})\"").matcher(said);
        String found = null;
        while (one.find()) {
            if (version == 0 || Integer.parseInt(one.group(1)) == version) found = one.group(2);
        }
        if (found == null) throw new IOException(name + " has no public key of version " + version);
        return publicKey(Hex.decode(found));
    }

    /** Any operation: posts a body, or gets where it is null. 429 and 503 are repeated. */
    public String call(String path, String body) throws IOException {
        long pause = 200;
        for (int attempt = 1; ; attempt++) {
            IOException failed;
            try {
                return attempt(path, body);
            } catch (Refused refused) {
                // HttpURLConnection may have sent a POST twice by itself: a new nonce, then.
                boolean again = refused.code.equals("dashboard_api.nonce.replayed");
                if (!again && refused.status != 429 && refused.status != 503) throw refused;
                Matcher asked = Pattern.compile("\"retry_seconds\":(\\d+)").matcher(refused.problem);
                if (asked.find()) pause = Math.max(pause, 1000 * Long.parseLong(asked.group(1)));
                failed = refused;
            } catch (IOException broken) {
                failed = broken;
            }
            if (attempt == ATTEMPTS_MAX || pause > WAIT_MS_MAX) throw failed;
            try {
                Thread.sleep(pause);
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
                throw failed;
            }
            pause *= 2;
        }
    }

    private String attempt(String path, String body) throws IOException {
        URL url = new URL(base + path);
        byte[] sent = body == null ? new byte[0] : body.getBytes(StandardCharsets.UTF_8);
        String method = body == null ? "GET" : "POST";
        HttpURLConnection connection = (HttpURLConnection) url.openConnection();
        connection.setConnectTimeout(TIMEOUT_MS);
        connection.setReadTimeout(TIMEOUT_MS);
        connection.setRequestMethod(method);
        // getFile is path and query: what goes into the request line.
        String authorization = token != null ? "Bearer " + token
                : signRequest(key, application, method, url.getFile(), sent,
                        System.currentTimeMillis() / 1000, nonce());
        connection.setRequestProperty("Authorization", authorization);
        connection.setRequestProperty("Accept-Language", "en");
        if (body != null) {
            connection.setRequestProperty("Content-Type", "application/json");
            connection.setDoOutput(true);
            connection.getOutputStream().write(sent);
        }
        int status = connection.getResponseCode();
        InputStream stream = status < 400 ? connection.getInputStream() : connection.getErrorStream();
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        byte[] part = new byte[8192];
        for (int size; stream != null && (size = stream.read(part)) >= 0; ) read.write(part, 0, size);
        String answer = new String(read.toByteArray(), StandardCharsets.UTF_8);
        if (status < 300) return answer;
        Matcher code = Pattern.compile("\"code\":\"([a-z0-9_.]+)\"").matcher(answer);
        throw new Refused(status, code.find() ? code.group(1) : "", answer);
    }

    /** The Authorization header of one request; target is path and query exactly as sent. */
    public static String signRequest(ECPrivateKeyParameters key, String application, String method,
            String target, byte[] body, long timestamp, String nonce) {
        String id = Hex.toHexString(sm3(point(publicOf(key)))).substring(0, 16);
        String credential = application + "." + id;
        String text = String.join("\n", "FENGSUI-SM2/1", method, target, Long.toString(timestamp), nonce,
                credential, Hex.toHexString(sm3(body)));
        ASN1Sequence pair = ASN1Sequence.getInstance(
                sign(key, text.getBytes(StandardCharsets.UTF_8), REQUEST_ID));
        byte[] raw = new byte[64];
        for (int at = 0; at < 2; at++) {
            BigInteger one = ASN1Integer.getInstance(pair.getObjectAt(at)).getPositiveValue();
            System.arraycopy(BigIntegers.asUnsignedByteArray(32, one), 0, raw, 32 * at, 32);
        }
        return "Fengsui-SM2 credential=" + credential + ",timestamp=" + timestamp + ",nonce=" + nonce
                + ",signature=" + Base64.getEncoder().encodeToString(raw);
    }

    /** A signature by a key of one's own, in DER. */
    public static byte[] sign(ECPrivateKeyParameters key, byte[] message, String id) {
        SM2Signer signer = new SM2Signer();
        signer.init(true, withId(new ParametersWithRandom(key, RANDOM), id));
        signer.update(message, 0, message.length);
        try {
            return signer.generateSignature();
        } catch (CryptoException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Verifies here. It says nothing of whether the key was disabled since. */
    public static boolean verifyLocally(ECPublicKeyParameters key, byte[] message, byte[] signature) {
        SM2Signer verifier = new SM2Signer();
        verifier.init(false, withId(key, DEFAULT_ID));
        verifier.update(message, 0, message.length);
        return verifier.verifySignature(signature);
    }

    public static byte[] encryptLocally(ECPublicKeyParameters key, byte[] plaintext) throws IOException {
        SM2Engine engine = new SM2Engine(SM2Engine.Mode.C1C3C2);
        engine.init(true, new ParametersWithRandom(key, RANDOM));
        try {
            return engine.processBlock(plaintext, 0, plaintext.length);
        } catch (CryptoException failed) {
            throw new IOException(failed);
        }
    }

    public static byte[] sm3(byte[] message) {
        SM3Digest digest = new SM3Digest();
        byte[] found = new byte[32];
        digest.update(message, 0, message.length);
        digest.doFinal(found, 0);
        return found;
    }

    /** Of PKCS#8 in PEM, not under a password. */
    public static ECPrivateKeyParameters loadKey(String path) throws IOException {
        String pem = new String(Files.readAllBytes(Paths.get(path)), StandardCharsets.US_ASCII);
        return (ECPrivateKeyParameters) PrivateKeyFactory.createKey(
                Base64.getMimeDecoder().decode(pem.replaceAll("-----[A-Z ]+-----", "")));
    }

    public static ECPrivateKeyParameters generateKey() {
        BigInteger most = CURVE.getN().subtract(BigInteger.valueOf(2));
        return new ECPrivateKeyParameters(BigIntegers.createRandomInRange(BigInteger.ONE, most, RANDOM), DOMAIN);
    }

    public static ECPublicKeyParameters publicOf(ECPrivateKeyParameters key) {
        return new ECPublicKeyParameters(CURVE.getG().multiply(key.getD()).normalize(), DOMAIN);
    }

    /** The key of 04‖x‖y; a point off the curve is refused. */
    public static ECPublicKeyParameters publicKey(byte[] point) {
        return new ECPublicKeyParameters(CURVE.getCurve().decodePoint(point), DOMAIN);
    }

    public static byte[] point(ECPublicKeyParameters key) {
        return key.getQ().getEncoded(false);
    }

    private static CipherParameters withId(CipherParameters key, String id) {
        return new ParametersWithID(key, id.getBytes(StandardCharsets.UTF_8));
    }

    private static String nonce() {
        byte[] random = new byte[18];
        RANDOM.nextBytes(random);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(random);
    }

    private static String named(String name) {
        if (!name.matches("[a-z0-9_.-]{1,63}")) throw new IllegalArgumentException("no key name: " + name);
        return "{\"key\":\"" + name + "\",";
    }

    private static String field(String name, byte[] value) {
        return "\"" + name + "\":\"" + Base64.getEncoder().encodeToString(value) + "\"";
    }

    private static byte[] unbase64(String text) {
        return Base64.getDecoder().decode(text);
    }

    // The fields read here are base64 and numbers, which JSON writes as they are: no parser needed.
    private static String text(String json, String name) throws IOException {
        Matcher one = Pattern.compile("\"" + name + "\":\"?([^\",}\\\\]*)").matcher(json);
        if (!one.find()) throw new IOException("the answer has no field " + name);
        return one.group(1);
    }
}
