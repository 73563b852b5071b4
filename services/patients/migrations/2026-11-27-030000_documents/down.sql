DROP TABLE document_uploads;
DROP TABLE document_work;
DROP TABLE document_texts;
DROP TABLE documents;
DROP FUNCTION history_hears_of_documents();
DROP FUNCTION documents_stay_as_they_came();
