DO $$
DECLARE
    walled record;
BEGIN
    FOR walled IN SELECT c.relname, p.polname FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid
        WHERE c.relnamespace = 'freshet'::regnamespace AND c.relrowsecurity LOOP
        IF walled.polname IS NOT NULL THEN
            EXECUTE format('DROP POLICY %I ON freshet.%I', walled.polname, walled.relname);
        END IF;
        EXECUTE format('ALTER TABLE freshet.%I DISABLE ROW LEVEL SECURITY', walled.relname);
    END LOOP;
END $$;
DROP FUNCTION freshet.sees_all();
DROP FUNCTION freshet.active(text);
DROP FUNCTION freshet.drop_day(text, date);
DROP FUNCTION freshet.make_day(text, date);

DELETE FROM freshet.schema_versions WHERE version = 111;
